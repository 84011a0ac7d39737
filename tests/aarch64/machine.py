"""A virtual machine for aarch64 programs: Debian's kernel, the programs as its initrd, and tests/aarch64/init.c, which
runs them one by one.

The machine is gone when its context ends, and when the test's process does.
"""
import contextlib
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time

COMMAND = ["qemu-system-aarch64", "-M", "virt", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "512", "-display",
           "none",
           "-no-reboot", "-nodefaults", "-serial", "stdio"]
# the last one is for /init's environment
APPEND = "console=ttyAMA0 quiet loglevel=0 panic=-1 rdinit=/init CMOCKA_MESSAGE_OUTPUT=TAP"


class Machine(contextlib.ExitStack):
    """programs: {path in the machine: file}; /init must be among them."""

    def __init__(self, kernel, programs, cpu="neoverse-n1"):
        super().__init__()
        self.folder = tempfile.mkdtemp(prefix="shmeter-machine-")
        self.callback(shutil.rmtree, self.folder, True)
        try:
            self.start(kernel, self.initrd(programs), cpu)
        except BaseException:
            self.close()
            raise

    def initrd(self, programs):
        root, archive = os.path.join(self.folder, "root"), os.path.join(self.folder, "initrd")
        for path, file in programs.items():
            os.makedirs(os.path.dirname(root + path), exist_ok=True)
            shutil.copy(file, root + path)
        names = subprocess.run(["find", "."], cwd=root, check=True, stdout=subprocess.PIPE).stdout
        with open(archive, "wb") as file:
            subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=root, check=True, input=names, stdout=file)
        return archive

    def start(self, kernel, initrd, cpu):
        monitor = os.path.join(self.folder, "monitor")
        command = [*COMMAND, "-cpu", cpu, "-kernel", kernel, "-initrd", initrd, "-append", APPEND, "-qmp",
                   f"unix:{monitor},server=on"]
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.callback(self.stop)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.selector = selectors.DefaultSelector()
        self.callback(self.selector.close)
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.said = b""
        self.connect(monitor)
        self.read_until("ready")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    # ---- the monitor ----

    def connect(self, path):
        plug = socket.socket(socket.AF_UNIX)
        while True:
            try:
                plug.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                assert self.process.poll() is None, f"qemu ended: {self.process.stdout.read()}"
                time.sleep(0.01)
        self.monitor = plug.makefile("rw", encoding="utf-8")
        self.callback(plug.close)
        self.callback(self.monitor.close)
        json.loads(self.monitor.readline())
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.monitor.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.monitor.flush()
        while True:
            answer = json.loads(self.monitor.readline())
            if "event" not in answer:
                break
        assert "return" in answer, answer
        return answer["return"]

    def singlestep(self, on):
        """Each instruction a translation block of its own, or not: interrupts come between any two, or between blocks
        only."""
        said = self.ask("human-monitor-command", **{"command-line": f"singlestep {'on' if on else 'off'}"})
        assert not said.strip(), said

    # ---- the console ----

    def read_until(self, word):
        """What the console says until the line that begins with "== " and a word, and the rest of that line."""
        while True:
            *lines, _ = self.said.split(b"\n")
            for number, line in enumerate(lines):
                text = line.decode(errors="replace").strip("\r")
                if text.startswith("== "):
                    rest = text[3:].split()
                    self.said = b"\n".join(self.said.split(b"\n")[number + 1:])
                    before = b"\n".join(lines[:number]).decode(errors="replace")
                    assert word is None or rest[0] == word, f"{text}\n{before}"
                    return before, rest
            self.selector.select()
            more = self.process.stdout.read()
            assert more, f"the machine went off after:\n{self.said.decode(errors='replace')}"
            self.said += more

    def run(self, *command):
        """Runs a program; returns its exit code, minus a signal's number, and what it said."""
        self.process.stdin.write(("\t".join(command) + "\n").encode())
        self.process.stdin.flush()
        said, (kind, number) = self.read_until(None)
        return int(number) if kind == "exit" else -int(number), said
