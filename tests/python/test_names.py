"""Every public name of the package occurs in a test: a function that nobody calls has no test. A new one fails here
until it has one."""
import ast
import glob
import inspect
import os
import pkgutil
import re

from lib import equal, main, nothing, test

import shmeter

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(shmeter.__file__)


def words():
    """The names that the tests use, and the words of their texts, such as programs; but not what they only import."""
    found = set()
    for path in glob.glob(os.path.join(HERE, "**/*.py"), recursive=True):
        if path == os.path.abspath(__file__):
            continue
        with open(path, encoding="utf-8") as file:
            nodes = list(ast.walk(ast.parse(file.read())))
        found.update(node.id for node in nodes if isinstance(node, ast.Name))
        found.update(node.attr for node in nodes if isinstance(node, ast.Attribute))
        texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        found.update(word for text in texts for word in re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text))
    return found


def modules():
    """(name, path) of each module that is written in Python."""
    yield "shmeter", os.path.join(ROOT, "__init__.py")
    for found in pkgutil.walk_packages([ROOT], "shmeter."):
        base = os.path.join(ROOT, *found.name.split(".")[1:])
        for path in (base + ".py", os.path.join(base, "__init__.py")):
            if os.path.exists(path):
                yield found.name, path


def defined(path):
    """Public functions, classes and methods of a file, and its __all__: (name, in which class or "")."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if not node.name.startswith("_"):
                yield node.name, ""
            if isinstance(node, ast.ClassDef):
                yield from ((one.name, node.name) for one in node.body
                            if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))
                            and not one.name.startswith("_"))
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            yield from ((one, "") for one in ast.literal_eval(node.value))


def of_core():
    """Names of the extension module, and the methods and attributes of its types."""
    for name, value in vars(shmeter._core).items():
        if not name.startswith("__"):
            yield name, ""
        if inspect.isclass(value):
            yield from ((one, name) for one in vars(value) if not one.startswith("__"))


@test
def every_public_name_occurs_in_a_test():
    known, missing, count = words(), [], 0
    for module, path in [*modules(), ("shmeter._core", None)]:
        for name, of in defined(path) if path else of_core():
            count += 1
            if name not in known:
                missing.append(f"{module}: {of and of + '.'}{name}")
    nothing(sorted(set(missing)), "no test has")
    assert count > 200, count


@test
def the_types_of_the_core_are_those_that_it_has():
    """_core.pyi tells type checkers what the module has: nothing more, and nothing less."""
    with open(os.path.join(ROOT, "_core.pyi"), encoding="utf-8") as file:
        tree = ast.parse(file.read())
    told, private = set(), {"_M", "_F"}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            told.add((node.name, ""))
        elif isinstance(node, ast.AnnAssign):
            told.add((node.target.id, ""))
        for one in node.body if isinstance(node, ast.ClassDef) else ():
            name = getattr(one, "name", None) or getattr(getattr(one, "target", None), "id", None)
            if name and not name.startswith("__"):
                told.add((name, node.name))
    told = {one for one in told if one[0] not in private and not one[0].startswith("__")}
    has = {(name, of) for name, of in of_core() if name not in ("Awaiting", "Route")}  # nobody gets hold of these
    has = {one for one in has if one[1] not in ("Awaiting", "Route")}
    equal((sorted(has - told), sorted(told - has)), ([], []), "not told, and told but not there")


if __name__ == "__main__":
    main()
