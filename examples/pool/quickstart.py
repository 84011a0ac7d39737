"""Builds what is needed, then shows a pool of 4 workers, the exporter and some load; with --once, one round that proves
the numbers.

Usage: quickstart.py [--once] [--build FOLDER (which is there already)]
"""
import os
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../common"))

from demo import WORKERS, Demo, main  # noqa: E402
from processes import Process  # noqa: E402

POOL = "examples/pool/shmeter-pool"


class Prefork(Demo):
    """The C server of this folder."""

    targets = (POOL,)

    def start_pool(self):
        pool = Process([os.path.join(self.folder, POOL), "--port", "0", "--workers", str(WORKERS), "--segment",
                        self.segment])
        self.port = int(pool.expect(r"serving http://127\.0\.0\.1:(\d+)/")[1])
        return pool


if __name__ == "__main__":
    sys.exit(main(Prefork, "quickstart"))
