"""save and load: what people see of them, the file, and what creating a segment has to do with it."""

import os
import re
import shlex
import shutil
import stat
import subprocess

from lib import Skip, contains, equal, main, test

METRICS = ["shop_latency_seconds_count", "shop_requests_total"]


def count(bench, segment=None):
    """A worker counts and ends."""
    worker = bench.worker(segment)
    worker.end()
    bench.workers.remove(worker)


def values(bench, name):
    lines = bench.good("dump", name).splitlines()
    return {line.split("{")[0].split(" ")[0]: line.split(" ")[-1] for line in lines
            if line.startswith(tuple(METRICS))}


def saved(bench, name="saved"):
    return os.path.join(bench.folder, name)


@test
def a_segment_is_there_again_after_save_rm_and_load(bench):
    count(bench)
    before = bench.good("dump", bench.name, "--format=openmetrics-created")
    said = bench.good("save", saved(bench), bench.name)
    equal(said, f"saved {bench.name}: 2 series of 2 families in {saved(bench)}\n")
    bench.good("rm", bench.name)
    contains(bench.good("load", saved(bench), bench.name), f"created {bench.name}: {bench.path}",
             f"loaded {saved(bench)}: 2 series of 2 families")
    live = [line for line in before.splitlines() if "ceiling" not in line]
    equal(bench.good("dump", bench.name, "--format=openmetrics-created").splitlines(), live)
    count(bench)
    equal(values(bench, bench.name), {"shop_latency_seconds_count": "4", "shop_requests_total": "10"})
    equal(os.path.exists(saved(bench)), True, "the file stays")


@test
def a_name_that_is_left_out_is_the_usual_one(bench):
    count(bench)
    bench.good("save", saved(bench), env={"SHMETER_SEGMENT": bench.name})
    bench.good("rm", bench.name)
    bench.good("load", saved(bench), env={"SHMETER_SEGMENT": bench.name})
    equal(values(bench, bench.name)["shop_requests_total"], "5")


@test
def living_workers_are_named_since_they_count_on(bench):
    bench.worker()
    contains(bench.good("save", saved(bench), bench.name), "1 worker is alive", "is not in it")
    bench.worker(name="oven")
    contains(bench.good("save", saved(bench), bench.name), "2 workers are alive")


@test
def a_segment_that_exists_is_never_loaded_into(bench):
    count(bench)
    bench.good("save", saved(bench), bench.name)
    for again in range(2):
        contains(bench.refused("load", saved(bench), bench.name), "exists already", "shmeter rm")
    equal(values(bench, bench.name)["shop_requests_total"], "5")


@test
def create_loads_a_file_if_there_is_one(bench):
    contains(bench.good("create", bench.name, "--load", saved(bench), "--max-slots=3"), "created")
    count(bench)
    bench.good("save", saved(bench), bench.name)
    contains(bench.refused("create", bench.name, "--load", saved(bench)), "exists already")
    bench.good("rm", bench.name)
    contains(bench.good("create", bench.name, "--load", saved(bench), "--max-gauges=7", "--mode=0640"), "loaded")
    [segment] = bench.json("ls", bench.name, "--json")
    equal((segment["slots"]["capacity"], segment["gauges"]["capacity"], segment["mode"]), (3, 7, "0640"))
    equal(values(bench, bench.name)["shop_requests_total"], "5")


@test
def create_if_missing_leaves_what_is_there(bench):
    count(bench)
    bench.good("save", saved(bench), bench.name)
    equal(bench.good("create", bench.name, "--if-missing", "--load", saved(bench)), "")
    equal(values(bench, bench.name)["shop_requests_total"], "5")
    bench.good("rm", bench.name)
    contains(bench.good("create", bench.name, "--if-missing"), "created")
    equal(values(bench, bench.name), {})
    with open(bench.path, "r+b") as file:
        file.write(b"hello")
    contains(bench.refused("create", bench.name, "--if-missing"), bench.path)


@test
def remove_leaves_no_file_that_could_bring_old_numbers_back(bench):
    count(bench)
    bench.good("save", saved(bench), bench.name)
    bench.refused("load", saved(bench), bench.name, "--remove")
    equal(os.path.exists(saved(bench)), True, "it was not loaded")
    bench.good("rm", bench.name)
    bench.good("load", saved(bench), bench.name, "--remove")
    equal(os.path.exists(saved(bench)), False)
    # The unit was stopped and started again, and nothing else: the segment has all that the file has, and more.
    bench.good("save", saved(bench), bench.name)
    equal(bench.good("create", bench.name, "--if-missing", "--load", saved(bench), "--remove"), "")
    equal(os.path.exists(saved(bench)), False)
    # Of another segment: nobody knows whether it is of use.
    count(bench, f"{bench.folder}/other")
    bench.good("save", saved(bench), f"{bench.folder}/other")
    bench.good("create", bench.name, "--if-missing", "--load", saved(bench), "--remove")
    equal(os.path.exists(saved(bench)), True)
    contains(bench.refused("create", bench.name, "--remove", code=2), "--load")


@test
def a_damaged_file_makes_no_segment(bench):
    count(bench)
    bench.good("save", saved(bench), bench.name)
    bench.good("rm", bench.name)
    with open(saved(bench), "rb") as file:
        text = file.read()
    for damaged, line in ((text[:-1], text.count(b"\n")), (text[:-20], text.count(b"\n")),
                          (text.replace(b"_total", b"_tatol"), text.count(b"\n")),
                          (text.replace(b" 5\n", b" -5\n"), 8)):
        with open(saved(bench), "wb") as file:
            file.write(damaged)
        for words in (["load", saved(bench), bench.name], ["create", bench.name, "--load", saved(bench), "--remove"]):
            contains(bench.refused(*words), f"{saved(bench)}:{line}: ")
        equal((os.path.exists(bench.path), os.path.exists(saved(bench))), (False, True))
        equal([name for name in os.listdir("/dev/shm") if bench.name in name], [], "segments")


@test
def what_cannot_be_read_is_one_sentence(bench):
    os.mkfifo(saved(bench, "fifo"))
    for file, words in (("none", "No such file"), ("", "no regular file"), ("fifo", "no regular file"),
                        ("none/none", "No such file")):
        contains(bench.refused("load", saved(bench, file), bench.name), saved(bench, file), words)
    contains(bench.refused("save", saved(bench), bench.name), "does not exist")
    with open(saved(bench, "good"), "w", encoding="utf-8") as file:
        file.write('shmeter-saved 1\nsegment "x" 0000000000000001 00000000000000ff\nsaved 5 workers 0\nsizes '
                   'lane-bytes 32768 '
                   'max-series 3 max-family-series 2 max-slots 2 max-gauges 2 ring-bytes 4096\nend 0\n')
    contains(bench.refused("load", saved(bench, "good"), saved(bench, "none/segment")), "there is no directory",
             saved(bench, "none"))
    contains(bench.refused("load", saved(bench, "good"), "a b"), "cannot name a segment")
    equal(os.path.exists(saved(bench)), False)
    contains(bench.refused("save", saved(bench), bench.name, "more", code=2), "more")
    bench.refused("save", code=2)
    bench.refused("load", code=2)


@test
def the_file_is_its_owners_and_is_replaced_as_a_whole(bench):
    count(bench)
    bench.good("save", saved(bench), bench.name, umask=0)
    first = os.stat(saved(bench))
    equal(stat.S_IMODE(first.st_mode), 0o600)
    os.link(saved(bench), saved(bench, "kept"))
    with open(saved(bench, "kept"), encoding="utf-8") as file:
        text = file.read()
    count(bench)
    bench.good("save", saved(bench), bench.name)
    with open(saved(bench, "kept"), encoding="utf-8") as file:
        equal(file.read(), text, "who reads the old one")
    equal(sorted(os.listdir(bench.folder)), ["kept", "saved"])


@test
def a_file_that_cannot_be_written_stays_as_it_was(bench):
    count(bench)
    bench.good("save", saved(bench), bench.name)
    with open(saved(bench), encoding="utf-8") as file:
        text = file.read()
    # A disk that is full, for a file of this size.
    done = subprocess.run(["/bin/sh", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$@"', "sh", bench.program, "save",
                           saved(bench), bench.name], capture_output=True, text=True)
    equal((done.returncode, done.stdout), (1, ""), done.stderr)
    contains(done.stderr, saved(bench), "cannot be written")
    with open(saved(bench), encoding="utf-8") as file:
        equal(file.read(), text)
    equal(os.listdir(bench.folder), ["saved"])
    contains(bench.refused("save", saved(bench, "none/saved"), bench.name), "No such file")
    contains(bench.refused("save", bench.folder, bench.name), "cannot be written")
    done = subprocess.run([bench.program, "save", "-", bench.name], stdout=open("/dev/full", "w"),
                          stderr=subprocess.PIPE,
                          text=True)
    equal(done.returncode, 1)
    contains(done.stderr, "standard output cannot be written")


@test
def a_save_that_is_killed_leaves_the_old_file_or_the_new_one(bench):
    count(bench)
    bench.good("save", saved(bench), bench.name)
    sizes = set()
    for after in range(40):
        process = subprocess.Popen([bench.program, "save", saved(bench), bench.name], stdout=subprocess.DEVNULL)
        for turn in range(after * 500):
            if process.poll() is not None:
                break
        process.kill()
        process.wait()
        with open(saved(bench), encoding="utf-8") as file:
            text = file.read()
        sizes.add((text.startswith("shmeter-saved 1\n"), text.count("\nend 2 ")))
    equal(sizes, {(True, 1)})


@test
def standard_input_and_output_are_files_as_well(bench):
    count(bench)
    text = bench.good("save", "-", bench.name)
    contains(text, "shmeter-saved 1\n", "\nend 2 ")
    bench.good("rm", bench.name)
    done = subprocess.run([bench.program, "load", "-", bench.name, "--remove"], input=text, capture_output=True,
                          text=True)
    equal((done.returncode, done.stderr), (0, ""))
    equal(values(bench, bench.name)["shop_requests_total"], "5")


@test
def a_full_tmpfs_gets_no_segment(bench):
    count(bench)
    bench.good("save", saved(bench), bench.name)
    mounted = saved(bench, "small")
    os.mkdir(mounted)
    script = 'mount -t tmpfs -o size=256k tmpfs "$1" && "$2" load "$3" "$1/segment"; result=$?; ls -A "$1"; exit $result'
    done = subprocess.run(["unshare", "-rm", "/bin/sh", "-c", script, "sh", mounted, bench.program, saved(bench)],
                          capture_output=True, text=True)
    if "unshare" in done.stderr or "mount" in done.stderr:
        raise Skip(done.stderr.strip())
    equal((done.returncode, done.stdout), (1, ""), done.stderr)
    contains(done.stderr, "full")


UNIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/systemd/shmeter-saved@.service.in")


def unit(bench):
    with open(UNIT, encoding="ascii") as file:
        return file.read().replace("@bindir@", os.path.dirname(bench.program))


@test
def the_unit_carries_counters_over_a_reboot_and_never_brings_old_ones_back(bench):
    """Its own commands, as systemd would call them."""
    def filled(line, bench):
        return line.replace("%S", bench.folder).replace("%i", bench.name).replace("$ARGS", "--max-slots=9")

    commands = {name: shlex.split(filled(line, bench))[1:]
                for name, line in re.findall(r"^(Exec\w+)=(.*)$", unit(bench), re.MULTILINE)}
    os.makedirs(f"{bench.folder}/shmeter-saved/{bench.name}")
    start, stop = (lambda: bench.good(*commands["ExecStart"])), (lambda: bench.good(*commands["ExecStop"]))
    start()  # the first boot
    count(bench)
    stop(), os.unlink(bench.path), start()  # a reboot
    equal(values(bench, bench.name)["shop_requests_total"], "5")
    count(bench)
    stop(), start()  # the unit alone was restarted
    count(bench)
    os.unlink(bench.path), start()  # a power failure: nothing was saved, and what was saved before it is gone
    equal(values(bench, bench.name), {})
    count(bench)
    stop(), os.unlink(bench.path), start()
    equal(values(bench, bench.name)["shop_requests_total"], "5")
    [segment] = bench.json("ls", bench.name, "--json")
    equal(segment["slots"]["capacity"], 9)


@test
def systemd_has_no_complaint_about_the_unit(bench):
    if not shutil.which("systemd-analyze"):
        raise Skip("systemd-analyze is not installed")
    path = f"{bench.folder}/shmeter-saved@shop.service"

    def verify(text):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True)
        return [line for line in (done.stdout + done.stderr).splitlines() if "shmeter" in line]

    equal(verify(unit(bench)), [])
    equal(bool(verify(unit(bench) + "RemoveIPC=perhaps\n")), True, "a complaint about a bad unit")


main()
