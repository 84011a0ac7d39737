"""What a forked child does first, and a process that is there to be forked."""
import sys
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
