"""Missing, foreign and damaged segments: one clear sentence that names the thing and says what to do; and what rm
removes."""

import contextlib
import os
import pty
import subprocess

from lib import Skip, contains, equal, main, test, wait_for

READERS = (["ls"], ["dump"], ["dump", "--json"], ["save", "-"])


def refused_by_all(bench, name, *parts):
    for words in READERS:
        contains(bench.refused(*words, name), *parts)
    done = bench.run("health", name)
    equal(done.returncode, 2)
    contains(done.stdout, *parts)
    done = bench.run("doctor", name)
    equal(done.returncode, 2)
    contains(done.stdout, "fail  segment", *parts)


def edit(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


@test
def a_missing_segment_is_named(bench):
    refused_by_all(bench, bench.name, bench.path, "does not exist", "shmeter create")
    contains(bench.refused("rm", bench.name), bench.path, "does not exist")
    contains(bench.refused("rm", "--force", bench.name), bench.path, "does not exist")


@test
def advice_can_be_followed_as_it_stands(bench):
    """What a sentence says to run, run: then the sentence is gone."""
    for name in (bench.name, bench.folder + "/advice"):
        advice = bench.refused("dump", name).strip().partition("create the segment with: shmeter ")[2]
        bench.good(*advice.split())
        bench.good("dump", name)
        path = bench.path if name == bench.name else name
        for size in (100, 4096):
            os.truncate(path, size)
            advice = bench.refused("dump", name).strip().partition("remove it with: shmeter ")[2]
            assert path in advice, advice
            bench.good(*advice.split())
            assert not os.path.exists(path)
            bench.good("create", name)
        edit(path, 200, b"\xff")
        bench.good(*bench.refused("dump", name).strip().partition("remove it with: shmeter ")[2].split())
        assert not os.path.exists(path)


@test
def a_name_that_cannot_be_one_is_refused(bench):
    for name in ("a b", "x" * 65, "", "a\nb", "na:me"):
        contains(bench.refused("create", name), "cannot name a segment")
    contains(bench.refused("create", bench.folder + "/" + "x" * 300), "cannot name a segment")
    contains(bench.refused("dump", "a b"), "cannot name a segment")
    contains(bench.refused("rm", "a b"), "cannot name a segment")


@test
def create_where_there_is_no_folder_or_no_permission_is_refused(bench):
    contains(bench.refused("create", bench.folder + "/no/shop"), bench.folder + "/no", "no directory")
    os.chmod(bench.folder, 0o755)
    done = bench.run_as_nobody("create", bench.folder + "/shop")
    equal(done.returncode, 1)
    contains(done.stderr, bench.folder, "may not write")
    equal(os.listdir(bench.folder), [])


@test
def a_full_filesystem_is_said_and_leaves_nothing(bench):
    script = ('mount -t tmpfs -o size=16k tmpfs "$1" || exit 77; "$2" create "$1/shop"; code=$?; ls -A "$1"; '
              '"$2" doctor "$1/shop" >/dev/null; exit $code')
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", script, "sh", bench.folder, bench.program],
                          capture_output=True, text=True)
    if done.returncode == 77 or "unshare" in done.stderr:
        raise Skip("no user namespaces here: " + done.stderr.strip())
    equal((done.returncode, done.stdout), (1, ""), done.stderr)
    contains(done.stderr, "is full", bench.folder)


@test
def a_file_with_other_contents_is_no_segment(bench):
    path = bench.folder + "/letter"
    for content in (b"", b"x", b"Dear reader,\n" * 1000):
        with open(path, "wb") as file:
            file.write(content)
        refused_by_all(bench, path, path, "is not a shmeter segment")
        contains(bench.refused("create", path), path, "is taken")
        contains(bench.refused("rm", path), path, "--force")
        contains(bench.refused("rm", "--force", path), path, "leaves it alone")
        with open(path, "rb") as file:
            equal(file.read(), content)


@test
def rm_removes_what_is_no_segment_at_a_names_own_path_only_by_force(bench):
    outside = bench.folder + "/outside"
    with open(outside, "w") as file:
        file.write("precious")
    for make in (lambda: open(bench.path, "w").close(), lambda: os.mkfifo(bench.path),
                 lambda: os.symlink(outside, bench.path)):
        make()
        contains(bench.refused("rm", bench.name), bench.path, "--force")
        equal(os.path.lexists(bench.path), True)
        bench.good("rm", "--force", bench.name)
        equal(os.path.lexists(bench.path), False)
    with open(outside) as file:
        equal(file.read(), "precious")
    os.mkdir(bench.path)
    bench.refused("rm", "--force", bench.name)
    equal(os.path.isdir(bench.path), True)


@test
def a_fifo_is_refused_without_waiting(bench):
    path = bench.folder + "/fifo"
    os.mkfifo(path)
    refused_by_all(bench, path, path, "is a FIFO")
    bench.refused("rm", "--force", path)
    equal(os.listdir(bench.folder), ["fifo"])


@test
def a_directory_is_refused(bench):
    refused_by_all(bench, bench.folder, bench.folder, "is a directory")
    bench.refused("rm", "--force", bench.folder)


@test
def a_symbolic_link_is_never_followed(bench):
    bench.good("create", bench.name)
    link = bench.folder + "/link"
    os.symlink(bench.path, link)
    refused_by_all(bench, link, link, "symbolic link")
    bench.refused("rm", "--force", link)
    equal((os.path.islink(link), os.path.exists(bench.path)), (True, True))


@test
def a_truncated_segment_goes_by_force_alone(bench):
    bench.good("create", bench.name)
    size = os.stat(bench.path).st_size
    for left in (size - 4096, 4096, 100):
        os.truncate(bench.path, left)
        refused_by_all(bench, bench.name, bench.path, "truncated", "shmeter rm --force")
        contains(bench.refused("rm", bench.name), bench.path, "--force")
    bench.good("rm", "--force", bench.name)
    equal(os.path.exists(bench.path), False)


@test
def a_damaged_header_is_refused_and_goes_by_force_also_by_its_path(bench):
    path = bench.folder + "/shop"
    bench.good("create", path)
    edit(path, 200, b"\xff\xff\xff\x7f")
    refused_by_all(bench, path, path, "damaged")
    bench.refused("rm", path)
    bench.good("rm", "--force", path)
    equal(os.listdir(bench.folder), [])


@test
def another_abi_is_named_with_both_versions(bench):
    bench.good("create", bench.name)
    edit(bench.path, 8, (7).to_bytes(4, "little"))
    refused_by_all(bench, bench.name, bench.path, "version 7.4", "version 1")
    contains(bench.refused("rm", bench.name), "--force")
    bench.good("rm", "--force", bench.name)


@test
def a_segment_that_anybody_may_write_is_not_believed(bench):
    bench.good("create", bench.name)
    os.chmod(bench.path, 0o666)
    refused_by_all(bench, bench.name, bench.path, "written by anybody")
    contains(bench.refused("rm", bench.name), "--force")


@test
def another_users_segment_is_named_with_the_way_out(bench):
    bench.good("create", bench.name)
    for words in READERS:
        done = bench.run_as_nobody(*words, bench.name)
        equal((done.returncode, done.stdout), (1, ""), done.stderr)
        contains(done.stderr, bench.path, "may not be read by user 65534", "0640")
    done = bench.run_as_nobody("rm", "--force", bench.name)
    equal(done.returncode, 1)
    contains(done.stderr, bench.path, "cannot be removed by user 65534")
    equal(os.path.exists(bench.path), True)


@test
def one_bad_segment_does_not_hide_the_others_from_ls(bench):
    for end in ("-a", "-b"):
        bench.good("create", bench.name + end)
    os.truncate(f"/dev/shm/shmeter.{bench.name}-a.v1", 4096)
    done = bench.run("ls", bench.name + "*")
    equal(done.returncode, 1)
    contains(done.stderr, bench.name + "-a", "truncated")
    equal([line.split()[0] for line in done.stdout.splitlines()], ["NAME", bench.name + "-b"])
    listed = bench.json("ls", "--json", bench.name + "*", code=1)
    equal([one["readable"] for one in listed], [False, True])
    contains(listed[0]["error"], "truncated")


@test
def bytes_that_could_steer_a_terminal_are_not_printed(bench):
    path = bench.folder + "/\x1b[31mred"
    said = bench.refused("dump", path)
    equal("\x1b" in said, False, said)


def on_terminal(program, *arguments):
    """What the command shows on a terminal, and its exit code."""
    pid, terminal = pty.fork()
    if not pid:
        os.execv(program, [program, *arguments])
    shown = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while part := os.read(terminal, 65536):
            shown += part
    os.close(terminal)
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@test
def label_values_that_could_steer_a_terminal_do_not_and_are_whole_elsewhere(bench):
    worker = bench.worker()
    equal(worker.do("control"), "ok")
    for words, code in ((["ls"], 0), (["ls", "--json"], 0), (["dump"], 0), (["dump", "--json"], 0),
                        (["dump", "--format=openmetrics"], 0),
                        (["dump", "--format=protobuf"], 2), (["health"], 2), (["health", "--json"], 2),
                        (["doctor"], None), (["save", "-"], 0)):
        shown, ended = on_terminal(bench.program, *words, bench.name)
        equal([sign for sign in "\x1b\x7f\x9b" if sign in shown], [], shown)
        equal("shop_control_total" in shown, words[0] in ("dump", "save") and not code, shown)
        equal(ended, ended if code is None else code, shown)
    values = [one["labels"]["a"] for family in bench.json("dump", "--json", bench.name)["families"]
              if family["name"] == "shop_control_total"
              for one in family["series"]]
    equal(values, ["\x1b[31m \x9b31m \x7f \xa0"])
    contains(bench.good("dump", bench.name), "\x1b[31m \x9b31m \x7f \xa0")
    worker.end()
    with open(os.path.join(bench.folder, "saved"), "w", encoding="utf-8") as saved:
        saved.write(bench.good("save", "-", bench.name))
    bench.good("rm", bench.name)
    bench.good("create", "--load=" + saved.name, bench.name)
    contains(bench.good("dump", bench.name), "\x1b[31m \x9b31m \x7f \xa0")


# ---- rm ----


@test
def rm_removes_a_segment_that_nobody_uses(bench):
    bench.good("create", bench.name)
    other = bench.folder + "/shop"
    bench.good("create", other)
    equal(bench.good("rm", bench.name, other), "")
    equal((os.path.exists(bench.path), os.listdir(bench.folder)), (False, []))


@test
def rm_refuses_while_a_worker_lives_and_names_it(bench):
    first, second = bench.worker(name="till"), bench.worker(name="kitchen")
    contains(bench.refused("rm", bench.name), bench.name, f"pid {first.pid} (till)", f"pid {second.pid} (kitchen)",
             "--force")
    second.kill()
    said = bench.refused("rm", bench.name)
    contains(said, f"pid {first.pid}")
    equal(f"pid {second.pid}" in said, False, said)
    first.kill()
    bench.good("rm", bench.name)
    equal(os.path.exists(bench.path), False)


@test
def rm_by_force_removes_it_while_a_worker_lives(bench):
    worker = bench.worker()
    bench.good("rm", "--force", bench.name)
    equal(os.path.exists(bench.path), False)
    equal(worker.do("nan"), "ok")


@test
def rm_sees_a_worker_that_has_no_slot(bench):
    worker = bench.worker()
    orphan = int(worker.do("orphan"))
    worker.kill()  # only a child that counts is left
    contains(bench.refused("rm", bench.name), bench.name, f"pid {orphan} ", "--force")
    worker.process.stdin.close()
    wait_for(lambda: not os.path.exists(f"/proc/{orphan}") or "Z" in state_of(orphan), "the orphan's end")
    bench.good("rm", bench.name)


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return "Z"


@test
def rm_goes_on_after_a_segment_that_it_cannot_remove(bench):
    bench.good("create", bench.name)
    contains(bench.refused("rm", bench.name + "-no", bench.name), bench.name + "-no")
    equal(os.path.exists(bench.path), False)


main()
