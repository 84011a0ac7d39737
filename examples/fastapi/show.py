"""Builds what is needed, then shows the application of this folder under gunicorn, the exporter and some load; with
--once, one round that proves the numbers.

Usage: show.py [--once] [--build FOLDER (which is there already)]
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(1, os.path.join(HERE, "../common"))

from demo import WORKERS, Demo, main  # noqa: E402
from processes import Process  # noqa: E402

# As examples/common/load.py has it for the pool in C.
SHOP_MIX = (
    (35, "GET", "/", "/", "200"),
    (35, "GET", "/items/{}", "/items/{{item_id}}", "200"),
    (5, "HEAD", "/items/{}", "/items/{{item_id}}", "200"),
    (8, "GET", "/slow", "/slow", "200"),
    (6, "GET", "/fail", "/fail", "500"),
    (5, "POST", "/orders", "/orders", "201"),
    (4, "GET", "/no/such/page", "__unmatched__", "404"),
    (2, "POST", "/", "/", "405"),
)


class Gunicorn(Demo):
    """gunicorn with uvicorn's workers."""

    targets = ("python-package",)
    started = r"Booting worker with pid: (\d+)"
    mix = SHOP_MIX
    requests = "shop_http_requests_total"
    labels = ("method", "endpoint", "status")
    durations = "shop_http_request_duration_seconds"
    in_progress = "shop_http_requests_in_progress"

    def start_pool(self):
        os.environ["SHMETER_SEGMENT"] = self.segment
        os.environ["PYTHONPATH"] = os.path.join(self.folder, "client/python")
        pool = Process([sys.executable, "-B", "-m", "gunicorn", "--chdir", HERE, "--bind", "127.0.0.1:0", "--workers",
                        str(WORKERS),
                        "--worker-class", "uvicorn.workers.UvicornWorker", *options_of_environment(), "app:app"])
        self.port = int(pool.expect(r"Listening at: http://127\.0\.0\.1:(\d+)")[1])
        return pool

    def openers(self):
        """gunicorn itself has the application when it was told to load it before the workers."""
        return {self.pool.pid} if "--preload" in options_of_environment() else set()

    def next_worker(self):
        """A worker is ready when it has said so twice: gunicorn has forked it, and uvicorn serves."""
        pid = int(self.pool.expect(self.started)[1])
        self.workers[next(free for free in range(len(self.workers) + 1) if not alive(self.workers.get(free)))] = pid
        return pid


def alive(pid):
    """Whether this is a process that has not ended; a worker that was killed may be a zombie for a moment."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return not re.search(r"\) [ZX] ", file.read())
    except OSError:
        return False


def options_of_environment():
    """More options for gunicorn, such as --preload."""
    return os.environ.get("SHMETER_DEMO_GUNICORN", "").split()


if __name__ == "__main__":
    sys.exit(main(Gunicorn, "fastapi"))
