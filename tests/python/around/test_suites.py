"""Suites of libraries that use prometheus_client, unchanged, on shmeter: what passes with prometheus_client passes
twice in a row, in one environment and without any setting.

Usage: test_suites.py PACKAGE_FOLDER SUITES_FOLDER
SUITES_FOLDER is what ./check fetches: an environment in venv/, and the packages of sources in sources/.
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from lib import Skip, main, nothing, test

PACKAGE, SUITES = map(os.path.abspath, sys.argv[1:3])
HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = os.path.join(SUITES, "venv", "bin", "python")


def environment(**more):
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("SHMETER_", "PYTHON", "PROMETHEUS_", "MALLOC_"))}
    return {**clean, "PYTHONDONTWRITEBYTECODE": "1", **more}


def passed(folder, tests, *options, **more):
    """The names of the tests that pass."""
    report = os.path.join(folder, "report.xml")
    done = subprocess.run([PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *options,
                           tests], cwd=folder,
                          env=environment(**more), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout[-4000:]
    cases = xml.etree.ElementTree.parse(report).getroot().iter("testcase")
    return {f"{case.get('classname')}.{case.get('name')}" for case in cases if not len(case)}, done.stdout


def runs(folder, tests, fewest):
    """Asserts that the suite passes on shmeter as it does on prometheus_client, twice. fewest: of its tests, that pass
    there."""
    wanted, said = passed(folder, tests, PYTHONPATH=HERE, PYTHONHASHSEED="1")
    assert len(wanted) >= fewest, said[-4000:]
    for seed in ("1", "2"):
        got, said = passed(folder, tests, "-p", "shmeter.pytest_plugin", SHMETER_INSTALL="1",
                           PYTHONPATH=f"{PACKAGE}:{HERE}", PYTHONHASHSEED=seed)
        nothing(sorted(wanted - got), f"do not pass with the seed {seed}\n{said[-8000:]}\n")


def in_copy(name, tests, fewest, prepare=lambda folder: None):
    if not os.path.exists(os.path.join(SUITES, "complete")):
        raise Skip("no suites of libraries: ./check fetches them from the package index, where there is one")
    with tempfile.TemporaryDirectory() as top:
        archive, = glob.glob(os.path.join(SUITES, "sources", name + "-*.tar.gz"))
        shutil.unpack_archive(archive, top)  # their hashes are known
        folder, = glob.glob(os.path.join(top, name + "-*"))
        prepare(folder)
        runs(folder, tests, fewest)


@test
def prometheus_flask_exporter_passes_twice():
    in_copy("prometheus_flask_exporter", "tests", 70)


def static_files(folder):
    """Their package of sources lacks the file that they serve."""
    os.mkdir(os.path.join(folder, "tests", "static"))
    with open(os.path.join(folder, "tests", "static", "test.txt"), "w", encoding="utf-8") as file:
        file.write("served\n")


@test
def starlette_exporter_passes_twice():
    in_copy("starlette_exporter", "tests", 58, static_files)


@test
def django_prometheus_passes_twice():
    in_copy("django_prometheus", "django_prometheus/tests", 9)


@test
def prometheus_fastapi_instrumentator_passes_twice():
    """By a suite of ours: its packages have none."""
    if not os.path.exists(os.path.join(SUITES, "complete")):
        raise Skip("no suites of libraries: ./check fetches them from the package index, where there is one")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(os.path.join(HERE, "test_instrumentator.py"), folder)
        runs(folder, "test_instrumentator.py", 10)


if __name__ == "__main__":
    main()
