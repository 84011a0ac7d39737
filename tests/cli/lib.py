"""What the command's tests share: a TAP runner, and a bench whose segments, processes and files go away with the
test."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Skip, equal, main_with, need_other_users, test, wait_for  # noqa: E402,F401


def contains(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError(f"{part!r} is not in {text!r}")


class Worker:
    """A feeder process."""

    def __init__(self, program, segment, name):
        self.process = subprocess.Popen([program, segment, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)
        self.pid = self.process.pid
        equal(self.process.stdout.readline(), "ready\n", "the feeder")

    def do(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """The input ends, and with it the worker and its orphans."""
        if not self.process.stdin.closed:
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Bench:
    """One test's things: self.name is a segment name of its own, self.path its file, self.folder a folder on a
    tmpfs."""

    serial = 0

    def __init__(self):
        Bench.serial += 1
        self.program, self.feeder = (os.path.abspath(path) for path in sys.argv[1:3])
        self.name = f"test-cli-{os.getpid()}-{Bench.serial}"
        self.path = f"/dev/shm/shmeter.{self.name}.v1"
        self.workers = []

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="shmeter-test-cli-", dir="/dev/shm")
        return self

    def __exit__(self, *what):
        for worker in self.workers:
            worker.end()
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in os.listdir("/dev/shm"):
            if name.startswith(f"shmeter.{self.name}"):
                path = "/dev/shm/" + name
                os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)

    def run(self, *arguments, env=None, **more):
        """Runs the command; returns what subprocess.run() does, output as text."""
        environment = {key: value for key, value in os.environ.items()
                       if key not in ("SHMETER_SEGMENT", "GLIBC_TUNABLES")}
        environment.update(env or {})
        return subprocess.run([self.program, *arguments], capture_output=True, text=True,
                              env=environment, stdin=subprocess.DEVNULL, **more)

    def good(self, *arguments, **more):
        """Runs the command, which must succeed in silence on stderr; returns its output."""
        done = self.run(*arguments, **more)
        equal((done.returncode, done.stderr), (0, ""), " ".join(arguments))
        return done.stdout

    def json(self, *arguments, code=0):
        done = self.run(*arguments)
        equal(done.returncode, code, " ".join(arguments) + ": " + done.stderr)
        return json.loads(done.stdout)

    def refused(self, *arguments, code=1, **more):
        """Runs the command, which must fail with one sentence on stderr and nothing on stdout; returns the sentence."""
        done = self.run(*arguments, **more)
        equal((done.returncode, done.stdout), (code, ""), " ".join(arguments) + ": " + done.stderr)
        equal((done.stderr.count("\n"), done.stderr[:9]), (1, "shmeter: "), done.stderr)
        return done.stderr

    def run_as_nobody(self, *arguments):
        """Runs the command as another user, through a descriptor: the build folder may be out of that user's reach."""
        need_other_users()
        program = os.open(self.program, os.O_RDONLY)
        try:
            return subprocess.run(["shmeter", *arguments], executable=f"/proc/self/fd/{program}", pass_fds=[program],
                                  user=65534, group=65534, extra_groups=[], capture_output=True, text=True, cwd="/")
        finally:
            os.close(program)

    def worker(self, segment=None, name="till"):
        worker = Worker(self.feeder, segment or self.name, name)
        self.workers.append(worker)
        return worker


def main():
    """Runs all tests of the file. Arguments: the program, the feeder, then names of tests to run."""
    main_with(Bench, sys.argv[3:])
