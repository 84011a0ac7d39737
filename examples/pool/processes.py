"""Processes and a segment that go away with the program that started them, however it ends.

Each process gets SIGTERM when its parent dies, and a guardian in a session of its own holds the other end of a pipe: when that
closes, because the program is done or was killed with -9, the guardian ends what still runs and removes the segment.
"""
import contextlib
import os
import queue
import re
import select
import signal
import subprocess
import threading

PATIENCE_SECONDS = 10  # from SIGTERM to SIGKILL
READY_SECONDS = 60  # for what a process has to say


class Trouble(Exception):
    """Something that ends the program, in words."""


def segment_path(name):
    return f"/dev/shm/shmeter.{name}.v1"


class Guardian:
    """To be made before any thread and any other process."""

    def __init__(self, segment):
        reading, self.writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.writing)
            self.guard(reading, segment)
        os.close(reading)

    @staticmethod
    def guard(reading, segment):
        """The guardian itself: reads process ids until the pipe closes."""
        status = 1
        try:
            os.setsid()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            processes = []
            for line in os.fdopen(reading):
                with contextlib.suppress(ProcessLookupError):
                    processes.append(os.pidfd_open(int(line)))
            end_all(processes)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(segment_path(segment))
            status = 0
        finally:
            os._exit(status)

    def start(self, command):
        """Starts a program that ends with this one."""
        process = Process(command)
        os.write(self.writing, f"{process.pid}\n".encode())
        return process

    def finish(self):
        """Ends everything and waits until it is gone. Returns whether it is."""
        os.close(self.writing)
        return os.waitpid(self.pid, 0)[1] == 0


class Process:
    """A program whose output, both kinds, is read line by line, so that it never waits for us."""

    def __init__(self, command):
        self.name = os.path.basename(command[0])
        self.popen = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.pid = self.popen.pid
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.popen.stdout:
            self.lines.put(line.rstrip())
        self.lines.put(None)

    def expect(self, pattern):
        """The match of the next line that has one."""
        seen = []
        while True:
            try:
                line = self.lines.get(timeout=READY_SECONDS)
            except queue.Empty:
                line = None
            if line is None:
                raise Trouble("\n".join([f"{self.name} did not say what was expected ({pattern}), but:", *seen]))
            match = re.search(pattern, line)
            if match:
                return match
            seen.append(line)

    def said(self):
        """What it has said since, without waiting."""
        lines = []
        while not self.lines.empty():
            line = self.lines.get()
            if line is None:
                raise Trouble("\n".join([f"{self.name} has ended", *lines]))
            lines.append(line)
        return lines

    def stop(self):
        """Asks it to end, and insists that it ends well."""
        self.popen.terminate()
        try:
            code = self.popen.wait(READY_SECONDS)
        except subprocess.TimeoutExpired:
            raise Trouble(f"{self.name} does not end") from None
        if code != 0:
            raise Trouble(f"{self.name} ended with exit code {code}")


def end_all(processes):
    """Ends processes, given as descriptors: politely, then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, number)
        for process in processes:
            select.select([process], [], [], PATIENCE_SECONDS)
