"""A configuration file, as tests write it, and the exporter that reads it."""

import os
import signal
import subprocess
import sys

from lib import wait_for


def write(path, text):
    """As an editor does: a whole file in place of the former one."""
    with open(path + ".new", "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    os.rename(path + ".new", path)


def run(*options):
    return subprocess.run([sys.argv[1], *options], capture_output=True, text=True)


class File:
    """A configuration file, and the exporter that reads it."""

    def __init__(self, bench, text, name="exporter.yml"):
        self.path = f"{bench.folder()}/{name}"
        self.write(text)

    def write(self, text):
        write(self.path, text)

    @property
    def option(self):
        return f"--config.file={self.path}"


def post(exporter, method="POST"):
    response = exporter.ask("/-/reload", method)
    return response.status, response.body.decode()


def reloads(exporter, n):
    """The lines of the log that tell of n reloads, once they are there."""
    return wait_for(lambda: (lines := [line for line in exporter.log if "reload" in line]) and len(lines) >= n
                    and lines, f"{n} reloads")


def hang_up(exporter, n):
    """SIGHUP, and the line of the log that tells what comes of it. It is reload number n."""
    os.kill(exporter.pid, signal.SIGHUP)
    return reloads(exporter, n)[n - 1]
