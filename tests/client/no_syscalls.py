#!/usr/bin/env python3
"""Updates make no system call: seen by strace, and enforced by a seccomp filter, with rseq and without."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

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
    with tempfile.NamedTemporaryFile("r") as log:
        run = subprocess.run(["strace", "-f", "-o", log.name, helper, who, "open"], env=environment(rseq),
                             stdout=subprocess.DEVNULL, timeout=240)
        kinds = calls_between_marks(log.read())
    assert run.returncode == 0, f"the program failed: {run.returncode}"
    assert len(kinds) == KINDS, f"{len(kinds)} kinds of updates were seen, not {KINDS}"
    for kind, calls in kinds.items():
        assert not calls, f"{kind}: {len(calls)} system calls, the first: {calls[0]}"


def traced_trespass(helper):
    """The trace shows a call where there is one: the two checks above can fail."""
    trace = '7 write(1, "begin x\\n", 8) = 8\n7 getppid() = 1\n7 write(1, "end x\\n", 6) = 6\n'
    assert calls_between_marks(trace) == {"x": ["getppid() = 1"]}
    run = subprocess.run([helper, "trespass"], stdout=subprocess.PIPE, text=True, timeout=60, env=environment(True))
    assert run.returncode == 128 + SIGSYS, f"the filter lets a call through: {run.returncode}"
    assert "begin trespass" in run.stdout and "end trespass" not in run.stdout


def sealed(helper, who, rseq):
    run = subprocess.run([helper, who, "sealed"], env=environment(rseq), stdout=subprocess.DEVNULL, timeout=240)
    assert run.returncode != 128 + SIGSYS, "the filter killed it: an update makes a system call"
    assert run.returncode == 0, f"the program failed: {run.returncode}"


def cases(helper):
    yield "a_trespass_behind_the_filter_is_noticed", lambda: traced_trespass(helper)
    for rseq in (True, False):
        how = "with_rseq" if rseq else "without_rseq"
        for who in ("opener", "worker"):
            yield f"a_filter_does_not_disturb_the_updates_of_{who}_{how}", lambda w=who, r=rseq: sealed(helper, w, r)
        name = f"strace_sees_no_system_call_in_a_million_updates_of_each_kind_{how}"
        yield name, (lambda r=rseq: traced(helper, "worker", r)) if shutil.which("strace") else None


def main():
    failed = 0
    listed = list(cases(sys.argv[1]))
    print(f"1..{len(listed)}")
    for number, (name, run) in enumerate(listed, 1):
        if run is None:
            print(f"ok {number} - {name} # SKIP strace is not installed")
            continue
        try:
            run()
            print(f"ok {number} - {name}", flush=True)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"not ok {number} - {name}\n# {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
