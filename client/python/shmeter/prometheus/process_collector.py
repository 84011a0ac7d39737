"""What the kernel knows of the process: CPU, memory, descriptors."""
import os
import resource
from typing import Callable, Iterable, Union

from .metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from .registry import Collector, CollectorRegistry, REGISTRY


class ProcessCollector(Collector):
    """Families process_*, of proc(5)."""

    shmeter_publish = False  # each process has its own: they are shown by the process that serves them

    def __init__(self, namespace: str = "", pid: Callable[[], Union[int, str]] = lambda: "self", proc: str = "/proc",
                 registry: CollectorRegistry = REGISTRY):
        self._prefix = namespace + "_process_" if namespace else "process_"
        self._pid = pid
        self._proc = proc
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
            most = next((float(line.split()[3].replace(b"unlimited", b"inf")) for line in file if line.startswith(b"Max open file")), None)
        families = [self._gauge("open_fds", "Number of open file descriptors.", len(os.listdir(os.path.join(folder, "fd"))))]
        return families if most is None else families + [self._gauge("max_fds", "Maximum number of open file descriptors.", most)]

    def collect(self) -> Iterable[Metric]:
        """What can be read of it."""
        families = []
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
