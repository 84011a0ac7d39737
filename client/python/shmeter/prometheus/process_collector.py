"""What the kernel knows of the processes: CPU, memory, descriptors. Of the whole pool where metrics are shared, so that
it does not depend on which worker answers; else of this process.
"""
import os
import resource
from typing import Callable, Iterable, List, Union

from .. import _core, store
from .metrics_core import CounterMetricFamily as CounterMetricFamily, GaugeMetricFamily as GaugeMetricFamily, Metric as Metric
from .registry import Collector as Collector, CollectorRegistry as CollectorRegistry, REGISTRY as REGISTRY

OWN = "self"

# Name, what it is of a process, what it is of the pool, and whether it only grows; in the order of Meter._processes().
FIGURES = (
    ("cpu_seconds_total", "Total user and system CPU time spent in seconds.",
     "of all workers, also of those that have ended", True),
    ("start_time_seconds", "Start time of the process since unix epoch in seconds.", "of the oldest worker", False),
    ("resident_memory_bytes", "Resident memory size in bytes.",
     "of all workers; of pages that they share, each has its share", False),
    ("virtual_memory_bytes", "Virtual memory size in bytes.", "of all workers", False),
    ("threads", "Number of threads.", "of all workers", False),
    ("open_fds", "Number of open file descriptors.", "of all workers", False),
    ("max_fds", "Maximum number of open file descriptors.", "of all workers", False),
)
STATES = ("counted", "foreign", "hidden")


class ProcessCollector(Collector):
    """Families process_*, of proc(5).

    Of the pool's workers, where this process counts in a shared segment and neither pid nor proc is given;
    workers=True: one sample for each, with the label pid. Else of one process.
    """

    shmeter_publish = False  # the pool's are the same whoever serves them, and the exporter has them itself

    def __init__(self, namespace: str = "", pid: Callable[[], Union[int, str]] = lambda: OWN, proc: str = "/proc",
                 registry: CollectorRegistry = REGISTRY, *, workers: bool = False):
        self._prefix = namespace + "_process_" if namespace else "process_"
        self._pid = pid
        self._proc = proc
        self._workers = workers
        self._attached = 0
        self._shared = not registry or getattr(registry, "_shared", True)
        self._ticks = float(os.sysconf("SC_CLK_TCK"))
        self._pagesize = resource.getpagesize()
        try:
            self._btime = self._boot_time()
        except OSError:
            self._btime = 0
        if registry:
            registry.register(self)

    def _boot_time(self):
        with open(os.path.join(self._proc, "stat"), "rb") as file:
            return next((float(line.split()[1]) for line in file if line.startswith(b"btime ")), 0)

    def _gauge(self, name, documentation, value):
        return GaugeMetricFamily(self._prefix + name, documentation, value=value)

    # ---- the pool ----

    def _meter(self):
        """The segment that the pool counts in; None: this process speaks for itself."""
        meter = store.used()
        if not self._shared or self._proc != "/proc" or self._pid() != OWN or meter is None or not meter.attached:
            return None
        if self._attached != os.getpid():  # who answers is one of the pool, also if it has only counted so far
            self._attached = os.getpid()
            try:
                meter.attach_worker()
            except _core.Error:
                pass
        return meter

    def _family(self, row, documentation, samples, labels):
        name, _, _, grows = row
        family = (CounterMetricFamily if grows else GaugeMetricFamily)(self._prefix + name, documentation,
                                                                       labels=labels)
        for values, value in samples:
            family.add_metric(values, value)
        return family

    def _pool(self, meter):
        sums, states, workers = meter._processes()
        families = []
        for i, row in enumerate(FIGURES):
            if self._workers:
                samples = [((str(pid),), figures[i]) for pid, figures, _ in workers if figures[i] is not None]
                documentation, labels = row[1], ("pid",)
            else:
                samples = [((), sums[i])] if sums[i] is not None else []
                documentation, labels = f"{row[1][:-1]}, {row[2]}.", ()
            if samples:
                families.append(self._family(row, documentation, samples, labels))
        told = GaugeMetricFamily(self._prefix + "workers",
                                 "Workers whose processes are counted in these figures; and those that are not, "
                                 "because they are in another pid namespace, or /proc hides them.", labels=("state",))
        for state, n in zip(STATES, states):
            told.add_metric((state,), n)
        return families + [told]

    # ---- one process ----

    def _times_and_memory(self, folder):
        with open(os.path.join(folder, "stat"), "rb") as file:
            fields = file.read().split(b")")[-1].split()  # from the third on: a command's name may have blanks
        return [
            self._gauge("virtual_memory_bytes", "Virtual memory size in bytes.", float(fields[20])),
            self._gauge("resident_memory_bytes", "Resident memory size in bytes.", float(fields[21]) * self._pagesize),
            self._gauge("start_time_seconds", "Start time of the process since unix epoch in seconds.",
                        float(fields[19]) / self._ticks + self._btime),
            CounterMetricFamily(self._prefix + "cpu_seconds_total", "Total user and system CPU time spent in seconds.",
                                value=(float(fields[11]) + float(fields[12])) / self._ticks),
        ]

    def _descriptors(self, folder):
        with open(os.path.join(folder, "limits"), "rb") as file:
            most = next((float(line.split()[3].replace(b"unlimited", b"inf")) for line in file
                         if line.startswith(b"Max open file")), None)
        families = [self._gauge("open_fds", "Number of open file descriptors.",
                                len(os.listdir(os.path.join(folder, "fd"))))]
        return families if most is None else families + [self._gauge("max_fds",
                                                                     "Maximum number of open file descriptors.", most)]

    def collect(self) -> Iterable[Metric]:
        """What can be read."""
        meter = self._meter()
        if meter:
            return self._pool(meter)
        families: List[Metric] = []
        if not self._btime:
            return families
        folder = os.path.join(self._proc, str(self._pid()).strip())
        for part in (self._times_and_memory, self._descriptors):
            try:
                families += part(folder)
            except OSError:
                pass
        return families


PROCESS_COLLECTOR = ProcessCollector()
