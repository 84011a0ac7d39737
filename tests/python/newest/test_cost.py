"""What imports cost: no more than those of prometheus_client. Counted, and not timed: the modules that are imported,
and the memory blocks that
Python has for them.
"""

import os
import subprocess
import sys

from lib import equal, main, nothing, test

import shmeter

COUNTED = """
import sys
modules, blocks = set(sys.modules), sys.getallocatedblocks()
{imports}
blocks = sys.getallocatedblocks() - blocks
modules = set(sys.modules) - modules
others = [name for name in modules if name.split(".")[0] not in ("shmeter", "prometheus_client")]
print(blocks, len(modules), *sorted(others))
"""
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(shmeter.__file__)))


def cost(imports):
    """(blocks, modules, those that are no part of the packages) of a program of these imports."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("SHMETER_", "PYTHON", "PROMETHEUS_"))
    }
    done = subprocess.run(
        [sys.executable, "-B", "-c", COUNTED.format(imports=imports)],
        env={**environment, "PYTHONPATH": PACKAGE},
        check=True,
        capture_output=True,
        text=True,
    )
    blocks, count, *others = done.stdout.split()
    return int(blocks), int(count), set(others)


THEIRS = cost("import prometheus_client")


@test
def the_package_and_install_import_next_to_nothing():
    blocks, count, others = cost("import shmeter; shmeter.install()")
    assert 10 * count < THEIRS[1] and 10 * blocks < THEIRS[0], (blocks, count, THEIRS[:2])
    nothing(sorted(others), "imported besides the package")


@test
def the_interface_costs_no_more_than_the_one_in_whose_place_it_is():
    for imports in (
        "from shmeter.prometheus import Counter",
        "import shmeter; shmeter.install(); from prometheus_client import Counter",
    ):
        blocks, _, others = cost(imports)
        assert blocks <= THEIRS[0], (imports, blocks, THEIRS[0])
        nothing(sorted(others - THEIRS[2] - {"atexit"}), f"imported by {imports}, and not by theirs")
        assert len(others) <= len(THEIRS[2]), (imports, others)


@test
def nothing_is_imported_that_the_program_has_not_asked_for():
    """A framework that is installed is not, nor a module for it, though it is looked for by its name."""
    asked = "from prometheus_client import start_http_server, exposition, core, registry, parser, multiprocess"
    code = f"import sys, shmeter; shmeter.install(); {asked}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        env={**os.environ, "PYTHONPATH": PACKAGE},
        check=True,
        capture_output=True,
        text=True,
    )
    frameworks = (
        "aiohttp",
        "django",
        "twisted",
        "asyncio",
        "shmeter.prometheus.aiohttp",
        "shmeter.prometheus.django",
        "shmeter.prometheus.twisted",
    )
    equal([name for name in frameworks if name in done.stdout.split()], [])


if __name__ == "__main__":
    main()
