"""What shmeter's Python module takes, and Debian's prometheus_client in multiprocess mode for the same work. Prints
lines "NAME NS".

Usage: peer.py FOLDER_WITH_THE_SHMETER_PACKAGE FOLDER_FOR_FILES (a tmpfs)

Each library has processes of its own: prometheus_client decides when it is imported whether it is in multiprocess mode.
"""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PARTS = (("py", "shmeter.prometheus", ("updates", "scrape", "middleware")),
         ("py-client", "prometheus_client", ("updates", "scrape")))


def run(prefix, module, part, package, folder):
    with tempfile.TemporaryDirectory(prefix="python-", dir=folder) as own:
        environment = {**os.environ, "PYTHONPATH": package, "SHMETER_SEGMENT": os.path.join(own, "segment"),
                       "PYTHONDONTWRITEBYTECODE": "1"}
        if module == "prometheus_client":
            environment["PROMETHEUS_MULTIPROC_DIR"] = own
        return subprocess.run([sys.executable, os.path.join(HERE, part + ".py"), module, prefix], env=environment,
                              check=True,
                              stdout=subprocess.PIPE, text=True).stdout


def main():
    package, folder = map(os.path.abspath, sys.argv[1:3])
    for prefix, module, parts in PARTS:
        for part in parts:
            print(run(prefix, module, part, package, folder), end="", flush=True)


if __name__ == "__main__":
    main()
