"""Runs a test program, and writes its skipped cases as TAP has them: cmocka says "not ok 1 # SKIP name", which meson
takes for a failure.

Usage: tap_skips.py PROGRAM [ARGUMENT]... meson runs all programs by it (tests/meson.build). A comment right before such
a case is why it was skipped. The program's end is this one's too: the same exit code, or the same signal.
"""
import os
import re
import signal
import subprocess
import sys

SKIPPED = re.compile(rb"not ok (\d+) # SKIP (.*)", re.IGNORECASE)


def pass_on(lines, out):
    why = b""
    for line in lines:
        case = SKIPPED.fullmatch(line.rstrip(b"\n"))
        if case:
            line = b"ok " + case[1] + b" - " + case[2] + b" # SKIP " + why + b"\n"
        why = line.strip(b"# \n") if line.startswith(b"#") else b""
        out.write(line)
        out.flush()


def main():
    # meson ends all processes of a test, and this one comes to its end behind its program, which may have something to
    # clean up. The program would inherit that a signal is ignored, but no handler.
    ends = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for number in ends:
        signal.signal(number, lambda *_: None)
    program = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)  # pylint: disable=consider-using-with
    pass_on(program.stdout, sys.stdout.buffer)
    code = program.wait()
    if code < 0:
        if -code in ends:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


sys.exit(main())
