"""Times of calls: CPU time of the thread for each, the loop included, the median over some rounds."""
import gc
import statistics
import time
import timeit

ROUNDS = 9
ROUND_SECONDS = 0.05


def each_ns(statement, names):
    """ns for one execution of a statement, with the names that it uses."""
    timer = timeit.Timer(statement, globals=names, timer=time.thread_time)
    number = 1
    while timer.timeit(number) < ROUND_SECONDS:
        number *= 2
    gc.disable()
    try:
        return statistics.median(timer.timeit(number) / number * 1e9 for _ in range(ROUNDS))
    finally:
        gc.enable()


def put(name, ns):
    print(f"{name} {ns:.9g}", flush=True)
