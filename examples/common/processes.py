"""Work whose processes and segment go away with it, however it ends.

There are three processes. The first one is the one that the user started: it only passes signals on. The second one,
the supervisor, has a session of its own, so that a signal to the first one's group does not end it, and it is the
parent of all orphans below it (a subreaper). The third one does the work. When the work is done or the first process is
gone, even by kill -9, the supervisor ends all processes that still run and removes the segment. When the supervisor
itself is killed, the other two do that.
"""
import contextlib
import ctypes
import os
import queue
import re
import select
import signal
import subprocess
import sys
import threading
import time
import traceback

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE_SECONDS = 60  # from SIGTERM to SIGKILL, which is for what hangs: the machine may be busy


class Trouble(Exception):
    """Something that ends the work, in words."""


def segment_path(name):
    return f"/dev/shm/shmeter.{name}.v1"


def remove_segment(name):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(segment_path(name))


def prctl(option, value):
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def exit_code(status):
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def guarded(name, segment, work):
    """Calls work() in a process of its own, whose errors are printed under the program's name. Returns its exit code
    when all its processes have ended and the segment is removed. To be called before there are threads."""
    reading, writing = os.pipe()
    supervisor = os.fork()
    if supervisor == 0:
        os.close(writing)
        os._exit(guard(reading, name, segment, work))
    os.close(reading)
    for number in ENDING:
        signal.signal(number, lambda number, frame: os.write(writing, bytes([number])))
    _, status = os.waitpid(supervisor, 0)
    if os.WIFSIGNALED(status):
        remove_segment(segment)
    return exit_code(status)


def guard(reading, name, segment, work):
    """The supervisor. Returns its exit code."""
    os.setsid()
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    supervisor = os.getpid()
    worker = os.fork()
    if worker == 0:
        os.close(reading)
        os._exit(do(name, segment, work, supervisor))
    watch(reading, worker)
    _, status = os.waitpid(worker, 0)
    end_children()
    remove_segment(segment)
    print("Everything is stopped, and the segment is removed.", flush=True)
    return exit_code(status)


def watch(reading, worker):
    """Passes signals on until the worker ends; ends it when the process that the user started is gone."""
    descriptor, patience, asked = os.pidfd_open(worker), None, [reading]
    while True:
        ready, _, _ = select.select([descriptor, *asked], [], [], patience)
        if descriptor in ready:
            break
        number = os.read(reading, 1) if ready else bytes([signal.SIGKILL])
        os.kill(worker, number[0] if number else signal.SIGTERM)
        if not number:
            patience, asked = PATIENCE_SECONDS, []
    os.close(descriptor)


def do(name, segment, work, supervisor):
    """The work. Returns its exit code."""
    code = 1
    try:
        for number in ENDING:
            signal.signal(number, leave)
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == supervisor:
            code = work()
    except SystemExit as end:
        code = end.code
    except (Trouble, OSError) as trouble:
        print(f"{name}: {trouble}", file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    with contextlib.suppress(OSError):  # nobody reads any more
        sys.stdout.flush()
    if os.getppid() != supervisor:
        end_children()
        remove_segment(segment)
    return code


def leave(number, _frame):
    for other in ENDING:
        signal.signal(other, signal.SIG_IGN)  # what follows is the cleaning up
    sys.exit(128 + number)


def children():
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="utf-8") as file:
        return set(map(int, file.read().split()))


def end_children():
    """Ends all processes below this one, by SIGTERM, then by SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        end, told = time.monotonic() + PATIENCE_SECONDS, set()
        while time.monotonic() < end:
            for child in children() - told:
                os.kill(child, number)
                told.add(child)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            time.sleep(0.01)


class Process:
    """A program whose standard output and error are read line by line, so that it never blocks on a full pipe."""

    def __init__(self, command):
        self.name = os.path.basename(command[0])
        self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT,
                                      text=True)
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
            line = self.lines.get()
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
        code = self.popen.wait()
        if code != 0:
            raise Trouble(f"{self.name} ended with exit code {code}")
