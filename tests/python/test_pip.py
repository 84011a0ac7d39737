"""Debian's pip builds and installs the package into a virtual environment, without a network.

Usage: test_pip.py SOURCE_FOLDER
"""
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import equal, main, Skip, test  # noqa: E402

SOURCE = os.path.abspath(sys.argv[1])
USE = """if True:
    import shmeter, shmeter.prometheus
    shmeter.prometheus.Counter("installed", "I.").inc(3)
    assert shmeter.__file__.startswith({venv!r}), shmeter.__file__
    print(shmeter.prometheus.REGISTRY.get_sample_value("installed_total"), shmeter.__version__)
"""
# What is built and where it goes is the subject here, and not how fast it is.
PLAIN = ["--config-settings=setup-args=-Doptimization=0"]


def run(*command, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **more)
    equal(done.returncode, 0, done.stdout)
    return done.stdout


@test
def pip_installs_the_package_and_it_counts():
    try:
        import ensurepip  # noqa: F401
        import mesonpy  # noqa: F401
    except ImportError as error:
        raise Skip(f"{error.name} is missing (python3-venv, python3-mesonpy)") from None
    with tempfile.TemporaryDirectory() as folder:
        copy, venv = os.path.join(folder, "source"), os.path.join(folder, "venv")
        shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns(".git", "build", "build-*", "__pycache__"))
        clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "MALLOC_PERTURB_")}
        run(sys.executable, "-m", "venv", "--system-site-packages", venv, env=clean)
        python = os.path.join(venv, "bin", "python")
        run(python, "-m", "pip", "install", "--no-build-isolation", "--no-index", "--no-deps", *PLAIN, ".", cwd=copy,
            env=clean)
        got = run(python, "-c", USE.format(venv=venv), cwd=folder,
                  env={**clean, "SHMETER_SEGMENT": os.path.join("/dev/shm", os.path.basename(folder))})
        os.unlink(os.path.join("/dev/shm", os.path.basename(folder)))
        equal(got.split()[0], "3.0")
        files = run(python, "-m", "pip", "show", "-f", "shmeter", env=clean)
        for file in ("shmeter/_core.abi3.so", "shmeter/_core.pyi", "shmeter/py.typed",
                     "shmeter/prometheus/openmetrics/parser.py"):
            assert file in files, files
        for environment, wanted in (({"SHMETER_INSTALL": "1"}, "shmeter.prometheus"), ({}, "prometheus_client")):
            name = run(python, "-c", "import prometheus_client; print(prometheus_client.__name__)", cwd=folder,
                       env={**clean, **environment})
            equal(name, wanted + "\n", f"prometheus_client with {environment}")
        if importlib.util.find_spec("pytest"):
            assert "shmeter_metrics" in run(python, "-m", "pytest", "--fixtures", "-q", "-p", "no:cacheprovider",
                                            cwd=folder, env=clean)
        assert "shmeter-exporter" not in files and "include/" not in files, files


if __name__ == "__main__":
    main()
