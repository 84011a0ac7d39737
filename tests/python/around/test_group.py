"""Sharing by a group: users of one group count in one segment, whichever of them has made it, where both ask for
that."""
import os
import shutil
import subprocess
import sys
import tempfile

import shmeter
from lib import equal, main, need_other_users, test

GROUP, OTHER, FIRST, SECOND = 61001, 61002, 61011, 61012  # groups and users that need not have a name

PROGRAM = """if True:
    import sys, shmeter
    path, mode, group, amount = sys.argv[1], int(sys.argv[2], 8), int(sys.argv[3]), int(sys.argv[4])
    meter = shmeter.open(path, mode=mode, group=group)
    meter.counter("shared_total", "S.").inc(amount)
    meter.gauge("level", "L.").set(amount)
    print(meter.attached, meter.error.replace(path, "PATH"))
    if len(sys.argv) > 5:  # another one has made it anew meanwhile
        print("ready", flush=True)
        sys.stdin.readline()
        meter.counter("anew_total", "A.").inc(amount)
        print([line for line in meter.expose().decode().splitlines() if line.startswith("anew_total")])
"""


class Folder:
    """A folder like /dev/shm, in which everybody may make files."""

    def __enter__(self):
        need_other_users()
        self.name = tempfile.mkdtemp(prefix="shmeter-group-", dir="/dev/shm")
        os.chmod(self.name, 0o1777)
        self.path = os.path.join(self.name, "segment")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.name)

    def start(self, user, group, mode, asked=-1, amount=1, more=()):
        return subprocess.Popen([sys.executable, "-c", PROGRAM, self.path, mode, str(asked), str(amount), *more],
                                user=user, group=group,
                                extra_groups=[], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)

    def count(self, *arguments, **more):
        process = self.start(*arguments, **more)
        said = process.communicate()[0]
        equal(process.returncode, 0, said)
        return said.strip()

    def total(self):
        meter = shmeter.open(self.path, any_owner=True)
        return [line for line in meter.expose().decode().splitlines() if line.startswith("shared_total")]


FOREIGN = "False segment PATH belongs to another user; remove it as that user, or set any_owner to accept it"


@test
def members_of_a_group_count_together_whoever_has_made_the_segment():
    with Folder() as folder:
        equal(folder.count(FIRST, GROUP, "660"), "True")
        equal(folder.count(SECOND, GROUP, "660", amount=10), "True")
        equal(folder.count(SECOND, GROUP, "660", asked=GROUP, amount=100), "True")
        equal(folder.total(), ["shared_total 111.0"])


@test
def who_does_not_ask_for_it_or_is_of_another_group_does_not_get_it():
    with Folder() as folder:
        equal(folder.count(FIRST, GROUP, "660"), "True")
        equal(folder.count(SECOND, GROUP, "600", amount=10), FOREIGN)
        equal(folder.count(SECOND, GROUP, "640", amount=10), FOREIGN)
        assert folder.count(SECOND, OTHER, "660", amount=10).startswith("False"), "the kernel refuses"
        os.chmod(folder.path, 0o640)
        assert folder.count(SECOND, GROUP, "660", amount=10).startswith("False"), "the group may not write"
        os.chmod(folder.path, 0o660)
        os.chown(folder.path, FIRST, OTHER)
        assert folder.count(SECOND, GROUP, "660", amount=10).startswith("False"), "it is another group's"
        equal(folder.total(), ["shared_total 1.0"])


@test
def a_segment_that_a_member_makes_anew_is_followed():
    with Folder() as folder:
        equal(folder.count(FIRST, GROUP, "660"), "True")
        stays = folder.start(SECOND, GROUP, "660", amount=10, more=("stay",))
        try:
            equal([stays.stdout.readline().strip() for _ in range(2)], ["True", "ready"])
            os.unlink(folder.path)
            equal(folder.count(FIRST, GROUP, "660", amount=100), "True")
            equal(stays.communicate("go on\n")[0].strip(), "['anew_total 10.0']")
        finally:
            stays.kill()
            stays.wait()
        meter = shmeter.open(folder.path, any_owner=True)
        assert "anew_total 10.0" in meter.expose().decode().splitlines(), meter.expose().decode()


if __name__ == "__main__":
    main()
