"""Which Python module of the package imports which: no circle, and the core in C imports nothing that stands above it.

Usage: test_imports.py SOURCE_FOLDER
"""
import ast
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import equal, main, nothing, test  # noqa: E402

SOURCE = os.path.join(sys.argv[1], "client", "python")
CORE = "shmeter._core"


def modules():
    """Module -> source. A package is its __init__."""
    found = {CORE: ""}
    top = os.path.join(SOURCE, "shmeter")
    for folder, _, files in os.walk(top):
        for file in files:
            if file.endswith(".py"):
                parts = os.path.relpath(os.path.join(folder, file), SOURCE)[:-len(".py")].split(os.sep)
                with open(os.path.join(folder, file), encoding="utf-8") as stream:
                    found[".".join(parts)] = stream.read()
    return found


def named(package, level, module):
    """The absolute name of what `from ..module import` names; package: of the module where it stands."""
    above = package.split(".")
    above = above[:len(above) - level + 1] if level else []
    return ".".join(above + ([module] if module else []))


def target(name, files):
    """The file of a module or package; None: it is not ours."""
    return next((one for one in (name, name + ".__init__") if one in files), None)


def imported(module, files):
    """The files of ours that a file imports, wherever in it: at its top, in functions, and by a string that is a name
    of ours."""
    package = module.rpartition(".")[0]
    for node in ast.walk(ast.parse(files[module])):
        names = []
        if isinstance(node, ast.ImportFrom):
            base = named(package, node.level, node.module)
            names = [f"{base}.{one.name}" if target(f"{base}.{one.name}", files) else base for one in node.names]
        elif isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"shmeter(\.\w+)+",
                                                                                             node.value):
            names = [node.value]
        for name in names:
            found = target(name, files)
            if found and found != module:
                yield found


def circles(files):
    """Each module that reaches itself, with the way."""
    arrows = {module: sorted(set(imported(module, files))) for module in files}
    found = []
    for start in sorted(arrows):
        ways, seen = [[start]], set()
        while ways:
            way = ways.pop()
            for one in arrows[way[-1]]:
                if one == start:
                    found.append(" -> ".join([*way, one]))
                    ways = []
                    break
                if one not in seen:
                    seen.add(one)
                    ways.append([*way, one])
    return found


def strings_of_the_core():
    """(file, module) of what the C files import."""
    for folder, _, files in os.walk(os.path.join(SOURCE, "core")):
        for file in sorted(files):
            with open(os.path.join(folder, file), encoding="utf-8") as stream:
                text = stream.read()
            for name in re.findall(r'\bPyImport_\w+\s*\(\s*("[^"]*"|[^")]*)', text):
                yield file, name.strip('"')


@test
def no_module_imports_itself_by_way_of_others():
    files = modules()
    assert len(files) > 30, "the modules were not found"
    assert CORE in set(imported("shmeter.segment", files)), "imports were not found"
    nothing(circles(files), "circles of imports")


@test
def the_core_imports_only_what_python_has():
    found = list(strings_of_the_core())
    assert ("health.c", "json") in found, "its imports were not found"
    nothing([f"{file} imports {name}" for file, name in found if name.partition(".")[0] not in sys.stdlib_module_names],
            "the core knows nothing of the package above it")


@test
def a_circle_is_noticed_wherever_the_import_stands():
    files = modules()
    for line in ("from .prometheus.registry import REGISTRY", "from .prometheus import registry",
                 "import shmeter.prometheus.registry",
                 "def later():\n    from . import prometheus", "NAME = 'shmeter.prometheus.formats.encode'",
                 "from .asgi import Middleware"):
        assert circles({**files, "shmeter.names": files["shmeter.names"] + "\n" + line + "\n"}), line
    equal(circles({**files, "shmeter.names": files["shmeter.names"] + "\nfrom .prometheus.samples import Sample\n"}),
          [])


if __name__ == "__main__":
    main()
