#!/usr/bin/env python3
"""Updates make no system call: seen by strace, and enforced by a seccomp filter, with rseq and without."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Skip, run  # noqa: E402

KINDS = 5 + 2 * 11 + 2  # what quiet_updates marks
MARK = re.compile(r'write\(1, "(begin|end) (\w+)\\n"')
SIGSYS = 31


def environment(rseq):
    env = dict(os.environ)
    env.pop("SHMETER_SEGMENT", None)
    env["GLIBC_TUNABLES"] = "glibc.pthread.rseq=" + ("1" if rseq else "0")
    return env


def calls_between_marks(trace):
    """{kind: [system calls]} of a trace by `strace -f -o`."""
    inside, kinds = {}, {}
    for line in trace.splitlines():
        pid, _, call = line.partition(" ")
        call = call.strip()
        mark = MARK.match(call)
        if mark and mark.group(1) == "begin":
            inside[pid] = mark.group(2)
            kinds[mark.group(2)] = []
        elif mark:
            assert inside.pop(pid) == mark.group(2)
        elif pid in inside and not call.startswith(("---", "+++")):
            kinds[inside[pid]].append(call)
    assert not inside, f"killed in the middle: {inside}"
    return kinds


def traced(helper, who, rseq):
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    with tempfile.NamedTemporaryFile("r") as log:
        done = subprocess.run(["strace", "-f", "-o", log.name, helper, who, "open"], env=environment(rseq),
                             stdout=subprocess.DEVNULL)
        kinds = calls_between_marks(log.read())
    assert done.returncode == 0, f"the program failed: {done.returncode}"
    assert len(kinds) == KINDS, f"{len(kinds)} kinds of updates were seen, not {KINDS}"
    for kind, calls in kinds.items():
        assert not calls, f"{kind}: {len(calls)} system calls, the first: {calls[0]}"


def traced_trespass(helper):
    """The trace shows a call where there is one: the two checks above can fail."""
    trace = '7 write(1, "begin x\\n", 8) = 8\n7 getppid() = 1\n7 write(1, "end x\\n", 6) = 6\n'
    assert calls_between_marks(trace) == {"x": ["getppid() = 1"]}
    done = subprocess.run([helper, "trespass"], stdout=subprocess.PIPE, text=True, env=environment(True))
    assert done.returncode == 128 + SIGSYS, f"the filter lets a call through: {done.returncode}"
    assert "begin trespass" in done.stdout and "end trespass" not in done.stdout


def sealed(helper, who, rseq):
    done = subprocess.run([helper, who, "sealed"], env=environment(rseq), stdout=subprocess.DEVNULL)
    assert done.returncode != 128 + SIGSYS, "the filter killed it: an update makes a system call"
    assert done.returncode == 0, f"the program failed: {done.returncode}"


def cases(helper):
    yield "a_trespass_behind_the_filter_is_noticed", lambda: traced_trespass(helper)
    for rseq in (True, False):
        how = "with_rseq" if rseq else "without_rseq"
        for who in ("opener", "worker"):
            yield f"a_filter_does_not_disturb_the_updates_of_{who}_{how}", lambda w=who, r=rseq: sealed(helper, w, r)
        name = f"strace_sees_no_system_call_in_a_million_updates_of_each_kind_{how}"
        yield name, lambda r=rseq: traced(helper, "worker", r)


if __name__ == "__main__":
    run(list(cases(sys.argv[1])))
