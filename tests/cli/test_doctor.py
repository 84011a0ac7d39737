"""The doctor finds what goes wrong around a segment, and whoever follows its advice is well: nothing that works is
lost."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import urllib.request

from lib import Skip, contains, equal, main, need_other_users, test, wait_for

EXPORTER = os.environ["SHMETER_TEST_EXPORTER"]


def finding(bench, what, *arguments, **more):
    """The finding of this subject; None: there is none."""
    report = json.loads(bench.run("doctor", "--json", *(arguments or [bench.name]), **more).stdout)
    return next((one for one in report["findings"] if one["what"] == what), None)


def total(bench, name):
    found = re.search(r'^shop_requests_total\{.*\} (\d+)$', bench.good("dump", name), re.MULTILINE)
    return int(found[1])


@test
def a_removed_file_in_which_workers_still_count_is_found(bench):
    one, two = bench.worker(name="one"), bench.worker(name="two")
    equal(finding(bench, "segment")["level"], "ok")
    equal(finding(bench, "earlier file"), None)
    os.unlink(bench.path)
    found = finding(bench, "segment")
    equal(found["level"], "fail")
    contains(found["value"], f"{bench.path} was removed, and 2 processes still count in it", f"pid {one.pid} (",
             f"pid {two.pid} (")
    contains(found["advice"], "restart them")
    equal("start the application" in found["value"], False)
    one.end()
    two.end()
    found = finding(bench, "segment")
    contains(found["value"], "does not exist: start the application")


@test
def a_second_generation_beside_workers_of_the_first_is_found(bench):
    old = bench.worker(name="old")
    os.unlink(bench.path)
    new = bench.worker(name="new")
    found = finding(bench, "earlier file")
    equal(found["level"], "warn")
    contains(found["value"], f"pid {old.pid} (")
    equal(f"pid {new.pid} (" in found["value"], False)
    contains(found["advice"], "restart them")
    old.end()  # as it advises
    again = bench.worker(name="old")
    equal(finding(bench, "earlier file"), None)
    equal((finding(bench, "segment")["level"], total(bench, bench.name)), ("ok", 10))
    again.end()


@test
def another_file_that_was_removed_is_none_of_its_business(bench):
    other = bench.worker(segment=f"{bench.name}-other")
    os.unlink(f"/dev/shm/shmeter.{bench.name}-other.v1")
    bench.worker()
    equal(finding(bench, "earlier file"), None)
    equal(finding(bench, "segment")["level"], "ok")
    other.end()


@contextlib.contextmanager
def exporter_of_nobody(bench):
    if os.getuid():
        raise Skip("only root can run an exporter as another user")
    program = os.path.join(bench.folder, "shmeter-exporter")
    shutil.copy(EXPORTER, program)
    os.chmod(bench.folder, 0o755)
    log = open(os.path.join(bench.folder, "log"), "w+", encoding="utf-8")
    try:
        process = subprocess.Popen([program, f"--segment={bench.name}", "--web.listen-address=127.0.0.1:0"], stderr=log,
                                   cwd="/",
                                   user=65534, group=65534, extra_groups=[])
    except PermissionError as error:
        raise Skip("programs cannot be started from /dev/shm") from error
    try:
        def port():
            log.seek(0)
            return re.search(r"127\.0\.0\.1:(\d+)", log.read())
        yield process, f"http://127.0.0.1:{wait_for(port, 'the port')[1]}/metrics"
    finally:
        process.kill()
        process.wait()
        log.close()


def scraped(url, sample):
    with urllib.request.urlopen(url) as answer:
        return [line for line in answer.read().decode().splitlines() if line.startswith(sample)]


@test
def an_exporter_that_may_not_read_is_found_and_may_after_the_advice(bench):
    worker = bench.worker()
    equal(os.stat(bench.path).st_mode & 0o777, 0o600)
    with exporter_of_nobody(bench) as (process, url):
        def of_process(level):
            found = finding(bench, "exporter")
            return found and found["level"] == level and f"pid {process.pid} (user 65534)" in found["value"] and found
        found = wait_for(lambda: of_process("warn"), "the exporter that may not read")
        contains(found["value"], "may not read the segment: mode 0600, owner 0, group 0")
        equal(scraped(url, "shop_requests_total"), [])
        command = re.search(r"as root: (chgrp .* && chmod 0640 \S+);", found["advice"])[1]
        subprocess.run(command, shell=True, check=True)
        equal(bool(of_process("ok")), True)
        equal([line.split()[-1] for line in scraped(url, "shop_requests_total")], ["5"])
        worker.do("nan")
        bench.worker(name="another")
        equal([line.split()[-1] for line in scraped(url, "shop_requests_total")], ["10"])
    contains(finding(bench, "permissions")["value"], "mode 0640")
    equal(finding(bench, "permissions")["level"], "ok")


@test
def a_stopped_worker_is_found_and_goes_on_after_the_advice(bench):
    worker = bench.worker()
    equal(finding(bench, "stopped worker"), None)
    os.kill(worker.pid, signal.SIGSTOP)
    found = wait_for(lambda: finding(bench, "stopped worker"), "the stopped worker")
    contains(found["value"], f"till (pid {worker.pid}) is stopped")
    command = re.search(r"kill -CONT \d+", found["advice"])[0]
    subprocess.run(command, shell=True, check=True)
    equal(worker.do("busy"), "ok")
    equal(finding(bench, "stopped worker"), None)


@test
def a_name_that_was_not_given_is_looked_for(bench):
    found = finding(bench, "segment", "--json")
    if found["level"] != "fail" or "does not exist" not in found["value"]:
        raise Skip("there is a segment called default")
    bench.good("create", bench.name)
    segments = [name for name in os.listdir("/dev/shm") if re.fullmatch(r"shmeter\..*\.v1", name)]
    advice = finding(bench, "segment", "--json")["advice"]
    if len(segments) == 1:
        contains(advice, f"shmeter doctor {bench.name}")
    else:  # it is not known which one is meant
        equal(advice, "")


@test
def where_proc_is_missing_nothing_is_said_of_boots_and_nothing_is_to_be_removed(bench):
    bench.worker()
    equal(finding(bench, "boot")["level"], "ok")
    hidden = "mount -t tmpfs none /proc && exec \"$@\""
    done = subprocess.run(["unshare", "--mount", "sh", "-c", hidden, "sh", bench.program, "doctor", bench.name],
                          capture_output=True,
                          text=True, check=False)
    if "boot " not in done.stdout:
        raise Skip(f"no mount namespace can be had here: {done.stderr.strip()}")
    line = next(one for one in done.stdout.splitlines() if one.split()[1] == "boot")
    contains(line, "ok", "cannot be told")
    equal("rm" in done.stdout.split() or "remove it" in done.stdout, False, done.stdout)


@test
def the_owner_of_a_file_that_cannot_be_read_is_its_owner(bench):
    need_other_users()
    bench.good("create", bench.name)
    os.chown(bench.path, 1033, 1033)
    done = bench.run_as_nobody("doctor", bench.name)
    contains(done.stdout, "fail  segment")
    line = next(one for one in done.stdout.splitlines() if "RemoveIPC" in one)
    if "no systemd-logind" not in line:
        contains(line, "1033")
    equal("65534" in line, False, line)


@test
def a_worker_for_which_there_is_no_memory_is_not_told_to_want_more_slots(bench):
    if os.getuid():
        raise Skip("only root can mount a filesystem")
    folder = os.path.join(bench.folder, "small")
    os.mkdir(folder)
    path = os.path.join(folder, "segment")
    script = f"""
        mount -t tmpfs -o size=1m none {folder} || exit 77
        {bench.program} create {path} --lane-bytes=32K --cpu-lanes=1 --shared-lanes=1 --max-series=64 || exit 78
        dd if=/dev/zero of={folder}/full bs=4k 2>/dev/null
        {bench.feeder} {path} till < /dev/null
        {bench.program} doctor {path}
    """
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare" in done.stderr:
        raise Skip(f"no mount namespace can be had here: {done.stderr.strip()}")
    contains(done.stdout, "loss backing_failed", "256 of 256 free")
    equal("slots_exhausted" in done.stdout or "--max-slots" in done.stdout, False, done.stdout)


main()
