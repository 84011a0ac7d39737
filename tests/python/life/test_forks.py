"""What a forked child does first, and a process that is there to be forked."""
import os
import subprocess
import sys
import threading
import types

from lib import equal, in_child, join, main, test

from shmeter import _core, forks, prometheus


@test
def a_child_calls_what_was_asked_for_and_threads_come_last():
    called = []

    def check():
        equal(called, ["child", "threads"])

    forks.when_threads_may_run(lambda: called.append("threads"))
    forks.after_in_child(lambda: called.append("child"))
    join([in_child(check)])
    equal(called, [])


@test
def a_child_has_no_lock_of_a_log_that_a_thread_was_writing_to():
    program = """if True:
        import logging, os, threading
        from shmeter import prometheus
        stream, writes, forks, forked = threading.Lock(), threading.Event(), threading.Event(), threading.Event()
        os.register_at_fork(before=forks.set, after_in_parent=forked.set)
        class Log(logging.Handler):
            def emit(self, record):
                with stream:
                    writes.set()
                    forks.wait()
                    forked.wait(0.5)  # a fork that does not wait for this is over by then
        logging.getLogger("shmeter").addHandler(Log())
        prometheus.Gauge("fails", "F.").set_function(lambda: 1 / 0)
        writes.wait()
        pid = os.fork()
        if not pid:
            os._exit(0 if stream.acquire(blocking=False) else 1)
        raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False,
                          env={**os.environ, "SHMETER_SEGMENT": "private", "SHMETER_REFRESH_SECONDS": "0.01"})
    equal((done.returncode, done.stderr), (0, ""))


@test
def a_fork_does_not_wait_for_a_log_that_is_never_taken():
    taken, go_on = threading.Event(), threading.Event()

    def write():
        with forks.between_forks():
            taken.set()
            go_on.wait()

    thread, seconds = threading.Thread(target=write), forks.WAIT_SECONDS
    thread.start()
    taken.wait()
    forks.WAIT_SECONDS = 0.01
    try:
        join([in_child(lambda: None)])
    finally:
        forks.WAIT_SECONDS = seconds
        go_on.set()
        thread.join()
    join([in_child(lambda: None)])


@test
def a_process_of_uwsgi_without_a_worker_s_number_will_be_forked():
    server = types.ModuleType("uwsgi")
    server.numbers = [0, 0]
    server.worker_id = lambda: server.numbers[0]
    server.mule_id = lambda: server.numbers[1]
    assert not forks.will_be_forked(), "no uWSGI is here"
    sys.modules["uwsgi"] = server
    try:
        assert forks.will_be_forked()
        for server.numbers in ([1, 0], [0, 1]):
            assert not forks.will_be_forked()
        server.numbers = [0, 0]

        def check():
            assert not forks.will_be_forked(), "this one has been forked already"

        join([in_child(check)])
    finally:
        del sys.modules["uwsgi"]


@test
def what_the_core_is_told_around_a_fork_and_after_a_collection_loses_no_update():
    counter = prometheus.Counter("around_a_fork", "A.", ["a"])
    kept = counter.labels("1")
    for tell in (_core._before_fork, _core._after_fork, lambda: _core._collected("stop", {}),
                 lambda: _core._collected("start", {})):
        equal(tell(), None)
        kept.inc()
        counter.labels("1").inc()
    equal(kept._value.get(), 8)


if __name__ == "__main__":
    main()
