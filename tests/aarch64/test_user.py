"""Pools of aarch64 processes under qemu-user, where there are no restartable sequences: updates go through shared
lanes. What reads their segments is of this machine's architecture, and so are other pools on them: one layout for both.

Usage: test_user.py BUILD_FOLDER        (that of these tests)

qemu-user does not wipe memory at fork where it is asked to, so forked workers would share a slot: gauges are updated by
pools of one.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Skip, main, test  # noqa: E402

BUILD = sys.argv[1]
WATCH, HERE = os.path.join(BUILD, "watch"), [os.path.join(BUILD, "pool")]
THERE = ["qemu-aarch64", os.path.join(BUILD, "arm64-pool-gcc-O2")]
LANES = re.compile(r"^# lanes of pool_counter_total ([\d ]+) shared (\d+)$", re.MULTILINE)


def watch(*pools, maker=None):
    """What pools have done to each lane: [([CPU lanes], shared)]. pools: (architecture, kind, workers, rounds)."""
    if not (shutil.which("qemu-aarch64") and os.path.exists(THERE[1])):
        raise Skip("qemu-user or the compiler for aarch64 is not installed")
    with tempfile.TemporaryDirectory(prefix="shmeter-aarch64-", dir="/dev/shm") as folder:
        segment, line = os.path.join(folder, "segment"), []
        if maker:
            subprocess.run([*maker, segment, "lanes", "0", "0"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           check=True)
        for architecture, kind, workers, rounds in pools:
            line += ["--", *architecture, segment, kind, str(workers), str(rounds)]
        done = subprocess.run([WATCH, segment, *line[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
    assert done.returncode == 0, done.stdout
    print(done.stdout, end="", flush=True)
    found = [([int(lane) for lane in cpus.split()], int(shared)) for cpus, shared in LANES.findall(done.stdout)]
    assert len(found) == len(pools), done.stdout
    return found


@test
def totals_of_all_kinds_are_exact_in_shared_lanes():
    for cpus, shared in watch(*[(THERE, "all", 1, 5000)] * 4):
        assert not any(cpus), "qemu-user has restartable sequences?"
        assert shared, "nothing is in the shared lanes"


@test
def totals_of_forked_workers_are_exact():
    [(cpus, shared)] = watch((THERE, "lanes", 4, 5000))
    assert not any(cpus) and shared, (cpus, shared)


@test
def a_segment_made_here_is_updated_there():
    watch((THERE, "lanes", 2, 5000), maker=HERE)


@test
def a_segment_made_there_is_updated_here():
    watch((HERE, "lanes", 2, 50000), maker=THERE)


@test
def both_architectures_update_one_segment_at_once():
    lanes = watch((HERE, "lanes", 2, 500000), (THERE, "lanes", 2, 20000))
    assert any(shared for _, shared in lanes), lanes


main()
