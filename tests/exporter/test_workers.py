"""Workers that live, die, hang, and are replaced: what their processes are, and what health says of them."""

import json
import os
import signal
import subprocess
import sys

from lib import Skip, health, reasons, equal, main, test, total, true, value, wait_for


def of_pool(found, suffix, **labels):
    return value(found, "shmeter_pool_process_" + suffix, **labels)


@test
def processes_of_workers_are_summed_and_told_one_by_one_on_request(bench):
    name, file = bench.name(), bench.folder() + "/config.yml"
    workers = [bench.feeder(name, worker) for worker in ("one", "two", "three")]
    with open(file, "w", encoding="utf-8") as config:
        config.write("processes: {workers: true}\n")
    found = bench.exporter(f"--segment={name}", "--config.file=" + file).samples()
    labels = {"segment": name}
    fds = [len(os.listdir(f"/proc/{worker.pid}/fd")) for worker in workers]
    equal((of_pool(found, "open_fds", **labels), of_pool(found, "threads", **labels)), (sum(fds), 3))
    equal([value(found, "shmeter_pool_processes", state=state, **labels) for state in ("counted", "foreign", "hidden")],
          [3, 0, 0])
    for slot, (worker, n) in enumerate(zip(("one", "two", "three"), fds)):
        one = {"worker": worker, "slot": str(slot), "pid": str(workers[slot].pid), **labels}
        equal(value(found, "shmeter_worker_process_open_fds", **one), n)
        true(value(found, "shmeter_worker_process_start_time_seconds", **one) >= of_pool(found, "start_time_seconds",
                                                                                         **labels), worker)
    true(0 < of_pool(found, "resident_memory_bytes", **labels) < of_pool(found, "virtual_memory_bytes", **labels),
         "memory")
    true(value(found, "process_open_fds") != of_pool(found, "open_fds", **labels), "the exporter's own are others")
    found = bench.exporter(f"--segment={name}").samples()
    equal(of_pool(found, "threads", **labels), 3)
    equal([one for one in found if one[0].startswith("shmeter_worker_process_")], [], "nobody has asked for them")
    with open(file, "w", encoding="utf-8") as config:
        config.write("processes: {pool: false}\n")
    found = bench.exporter(f"--segment={name}", "--config.file=" + file).samples()
    equal([one for one in found if one[0].startswith("shmeter_pool_")], [])


@test
def the_pools_cpu_time_never_falls(bench):
    name = bench.name()
    exporter = bench.exporter(f"--segment={name}")
    last = 0
    for turn in range(6):
        worker = bench.feeder(name)
        worker.do("latency", "/a", "0.5", 10000000)
        used = of_pool(exporter.samples(), "cpu_seconds_total", segment=name)
        true(used >= last + 0.01, (used, last))
        if turn % 2:
            worker.kill()
        else:
            worker.do("release")
            worker.end()
        for _ in range(2):
            last = of_pool(exporter.samples(), "cpu_seconds_total", segment=name)
            true(last >= used, (turn, last, used))
    later = of_pool(bench.exporter(f"--segment={name}").samples(), "cpu_seconds_total", segment=name)
    true(0.03 <= later <= last, ("those that have ended in order, as an exporter finds them that comes later", later,
                                 last))


@test
def workers_of_another_pid_namespace_are_told_and_not_guessed(bench):
    name = bench.name()
    process = bench.process(["unshare", "--pid", "--fork", sys.argv[2], name, "far"], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if process.stdout.readline() != "ok\n":
        raise Skip("pid namespaces are not allowed here")
    bench.feeder(name, "near")
    found = bench.exporter(f"--segment={name}").samples()
    equal([value(found, "shmeter_pool_processes", segment=name, state=state)
           for state in ("counted", "foreign", "hidden")], [1, 1, 0])
    equal(of_pool(found, "threads", segment=name), 1)


@test
def totals_do_not_drop_when_a_worker_dies_and_health_says_who(bench):
    name = bench.name()
    one, two = bench.feeder(name, "one"), bench.feeder(name, "two")
    for worker in (one, two):
        worker.do("requests", "GET", "200", 10)
        worker.do("active", 1)
        worker.do("temperature", 20)
    exporter = bench.exporter(f"--segment={name}")
    equal(value(exporter.samples(), "shop_active"), 2)
    equal(health(exporter, 200)["worker_counts"]["live"], 2)
    one.kill()
    found = exporter.samples()
    equal(total(found, "shop_requests_total"), 20)
    equal(value(found, "shop_active"), 1)
    equal(value(found, "shop_temperature_celsius", worker="one", slot="0"), None)
    equal(value(found, "shmeter_slots", segment=name, state="dead"), 1)
    found = health(exporter, 200)
    equal(found["status"], "degraded")
    dead = reasons(found, "worker_dead")
    equal([(reason["worker"], reason["pid"], reason["status"]) for reason in dead], [("one", one.pid, "degraded")])
    two.end()
    found = exporter.samples()
    equal(total(found, "shop_requests_total"), 20)
    equal(value(found, "shmeter_workers_died_total", segment=name), 1)


@test
def a_supervisor_that_replaces_killed_workers_leaves_health_ok_and_a_count(bench):
    name = bench.name()
    bench.feeder(name, "other")
    exporter = bench.exporter(f"--segment={name}")
    for number in range(1, 6):
        worker = bench.feeder(name, "web")
        worker.do("active", 1)
        equal(health(exporter, 200)["reasons"], [])
        worker.kill()
        message = reasons(health(exporter, 200), "worker_dead")[0]["message"]
        equal(message, f"1 worker died in the last 5 minutes and has no successor yet: web (pid {worker.pid})")
        for reader in (exporter, bench.exporter(f"--segment={name}")):  # one that has seen all, and one that starts now
            equal(value(reader.samples(), "shmeter_workers_died_total", segment=name), number)
            equal(health(reader, 200)["status"], "degraded")
    worker = bench.feeder(name, "web")
    found = health(exporter, 200)
    equal((found["status"], found["reasons"], found["worker_counts"]["dead"]), ("ok", [], 5))
    workers = [worker, bench.feeder(name, "web")]
    for one in workers:
        one.do("busy")
        one.kill()
    reason, = reasons(health(exporter, 200), "worker_dead")
    true(reason["message"].startswith("2 workers died in the last 5 minutes and have no successor yet: web (pid "),
         reason)
    equal((reason["value"], "pid" in reason), (2, False))
    path = bench.folder() + "/config.yml"
    with open(path, "w", encoding="utf-8") as file:
        file.write("health:\n  died_within: 1s\n")
    hasty = bench.exporter(f"--segment={name}", f"--config.file={path}")
    wait_for(lambda: health(hasty, 200)["status"] == "ok", "the reason ends by itself")
    equal(value(hasty.samples(), "shmeter_workers_died_total", segment=name), 7)


@test
def a_worker_that_was_killed_with_nothing_under_way_is_a_reason_where_the_kernel_tells(bench):
    if tuple(map(int, os.uname().release.split(".")[:2])) < (6, 15):
        raise Skip("the kernel does not tell how processes have ended")
    name = bench.name()
    exporter, blind = bench.exporter(f"--segment={name}"), None
    open_files = len(os.listdir(f"/proc/{exporter.pid}/fd"))
    for number, signal_number in enumerate((signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT), 1):
        worker = bench.feeder(name, "web")
        equal(health(exporter, 200)["status"], "ok")
        worker.kill(signal_number)
        blind = bench.exporter(f"--segment={name}")  # it has not seen the worker alive
        found = health(exporter, 200)
        equal((found["status"], reasons(found, "worker_dead")[0]["pid"]), ("degraded", worker.pid))
        found = exporter.samples()
        equal([value(found, f"shmeter_workers_{how}_total", segment=name) for how in ("killed", "died")], [number, 0])
        equal(health(blind, 200)["status"], "ok")
    worker = bench.feeder(name, "web")
    equal((health(exporter, 200)["status"], value(exporter.samples(), "shmeter_workers_killed_total", segment=name)),
          ("ok", 3))
    equal(value(blind.samples(), "shmeter_workers_killed_total", segment=name), 0)
    worker.do("busy")
    worker.kill()
    found = exporter.samples()
    equal([value(found, f"shmeter_workers_{how}_total", segment=name) for how in ("killed", "died")], [3, 1])
    one = bench.feeder(name, "web")
    health(exporter, 200)
    one.end()
    health(exporter, 200)
    true(len(os.listdir(f"/proc/{exporter.pid}/fd")) <= open_files + 3,
         "descriptors of workers that have ended are given back")


@test
def what_ended_with_nothing_under_way_is_no_reason(bench):
    name = bench.name()
    exporter = bench.exporter(f"--segment={name}")
    for commands in (["busy", "idle"], ["beat"], ["active 1", "active -1"], ["check db 1 slow"], ["busy", "release"]):
        worker = bench.feeder(name, "web")
        for command in commands:
            worker.do(*command.split())
        health(exporter, 200)
        worker.kill(signal.SIGTERM)
        found = health(exporter, 200)
        equal((commands, found["status"], found["reasons"]), (commands, "ok", []))
    equal(value(exporter.samples(), "shmeter_workers_died_total", segment=name), 0)


@test
def a_worker_that_is_stuck_makes_health_fail(bench):
    name = bench.name()
    busy, silent = bench.feeder(name, "busy"), bench.feeder(name, "silent")
    busy.do("busy")
    silent.do("beat")
    patient = bench.exporter(f"--segment={name}", "--health.stuck-after=0")
    exporter = bench.exporter(f"--segment={name}", "--health.stuck-after=0.2")
    path = bench.folder() + "/config.yml"
    with open(path, "w", encoding="utf-8") as file:
        file.write("health:\n  silent_after: 200ms\n")
    strict = bench.exporter(f"--segment={name}", "--health.stuck-after=0.2", f"--config.file={path}")
    wait_for(lambda: len(json.loads(strict.ask("/health").body)["reasons"]) == 2, "both workers are stuck")
    found = health(strict, 503)
    stuck = {reason["worker"]: reason for reason in reasons(found, "worker_stuck")}
    equal((stuck["busy"]["what"], stuck["silent"]["what"]), ("busy", "heartbeat"))
    found = health(exporter, 503)  # idle is not stuck, where nobody has promised heartbeats
    stuck = {reason["worker"]: reason for reason in reasons(found, "worker_stuck")}
    equal(set(stuck), {"busy"})
    equal((stuck["busy"]["threshold"], stuck["busy"]["status"]), (0.2, "failing"))
    true(stuck["busy"]["value"] > 0.2, "how long")
    equal(health(patient, 200)["status"], "ok")
    busy.do("idle")
    workers = [reason["worker"] for reason in reasons(json.loads(exporter.ask("/health").body), "worker_stuck")]
    true("busy" not in workers, "a worker that is idle again is not stuck")
    equal(health(exporter, 200)["reasons"], [])


@test
def a_workers_own_check_decides_health(bench):
    name = bench.name()
    worker = bench.feeder(name, "one")
    exporter = bench.exporter(f"--segment={name}")
    worker.do("check", "database", 1, "slow to answer")
    found = health(exporter, 200)
    equal(found["status"], "degraded")
    reason = reasons(found, "worker_check")[0]
    equal((reason["what"], reason["worker"]), ("database", "one"))
    true("slow to answer" in reason["message"], reason)
    worker.do("check", "database", 2, "gone")
    equal(health(exporter, 503)["status"], "failing")
    worker.do("check", "database", 0, "back")
    equal(health(exporter, 200)["status"], "ok")


if __name__ == "__main__":
    main()
