"""All public names of prometheus_client's newest release are there, and take its arguments. The list is in api.txt;
./check --latest holds it
against the release that is the newest today.
"""

import ast
import importlib
import inspect
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from api import arguments, entries, is_of, lines  # noqa: E402
from lib import equal, main, nothing, Skip, test  # noqa: E402

import shmeter  # noqa: E402

FRAMEWORKS = ("aiohttp", "django", "twisted")  # modules that cannot be imported without them


def listed():
    """[(module, name, arguments or None)] of the list."""
    with open(os.path.join(HERE, "api.txt"), encoding="utf-8") as file:
        return [entry(line) for line in file if line.strip()]


def entry(line):
    module, name, *rest = line.rstrip("\n").split(" ", 2)
    return module, name, [word for word in rest[0][1:-1].split(", ") if word] if rest else None


def core_arguments():
    """{class of the core: {method: arguments}}, as _core.pyi tells them: Python cannot ask what is written in C."""
    with open(os.path.join(os.path.dirname(shmeter.__file__), "_core.pyi"), encoding="utf-8") as file:
        tree = ast.parse(file.read())
    return {
        node.name: {one.name: told(one.args) for one in node.body if isinstance(one, ast.FunctionDef)}
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def told(args):
    names = [one.arg for one in args.args]
    first = len(names) - len(args.defaults)
    words = [name + "=" * (at >= first) for at, name in enumerate(names)]
    rest = [(sign, one.arg) for sign, one in (("*", args.vararg), ("**", args.kwarg)) if one]
    return [word for word in words if word != "self"] + [sign + name for sign, name in rest]


CORE = core_arguments()


def of_core(value, name):
    """The arguments of what is written in C, or None."""
    if inspect.isclass(value):
        return CORE.get(value.__name__, {}).get("__init__")
    return next(
        (CORE[kind][name] for kind in (value.__objclass__.__name__, "Metric") if name in CORE.get(kind, {})), None
    )


def found(module, name):
    """What we have of this name, and its arguments; or why not."""
    try:
        value = importlib.import_module("shmeter.prometheus" + ("" if module == "." else "." + module))
        for part in name.split("."):
            value = getattr(value, part)
    except (ImportError, AttributeError) as error:
        return str(error), None
    words = arguments(value) if callable(value) else None
    return None, of_core(value, name.split(".")[-1]) if words is None and callable(value) else words


def takes(ours, theirs):
    """Whether who calls theirs can call ours."""
    if theirs == ["*args", "**kwargs"] or {"*args", "**kwargs"} <= set(ours):
        return True
    plain = [word for word in ours if not word.startswith("*")]
    if any(word.startswith("*") for word in theirs):
        return [word.startswith("**") for word in theirs] == [word.startswith("**") for word in ours]
    same = len(plain) >= len(theirs) and all(our in (word, word + "=") for our, word in zip(plain, theirs))
    return same and all(word.endswith("=") for word in plain[len(theirs) :])


def missing(wanted):
    """What of a list we have not, or what takes other arguments."""
    for module, name, theirs in wanted:
        if module.split(".")[0] in FRAMEWORKS and not importlib.util.find_spec(module.split(".")[0]):
            continue
        why, ours = found(module, name)
        if why:
            yield f"{module} {name}: {why}"
        elif theirs is not None and not (ours is not None and takes(ours, theirs)):
            yield f"{module} {name}: takes {ours}, and should take {theirs}"


@test
def every_public_name_of_the_newest_release_is_there():
    wanted = listed()
    nothing(list(missing(wanted)), "of prometheus_client's interface")
    assert len(wanted) > 250 and {"validation", "openmetrics.exposition", "mmap_dict"} <= {
        module for module, _, _ in wanted
    }


@test
def the_list_is_made_of_what_a_package_has():
    ours = dict((f"{module} {name}", words) for module, name, words in entries("shmeter.prometheus"))
    equal(ours["exposition choose_encoder"], ["accept_header"])
    equal(
        ours[". CollectorRegistry"],
        ["auto_describe=", "target_info=", "support_collectors_without_names=", "*", "shared="],
    )
    equal("gateway Compression" in ours, False)
    equal([line for line in lines("shmeter.prometheus") if line.startswith("utils NaN")], ["utils NaN"])
    equal(
        (
            is_of(print, "shmeter"),
            is_of(shmeter.open, "shmeter"),
            is_of(5, "shmeter"),
            takes(["a", "b="], ["a"]),
            takes(["a", "b"], ["a"]),
        ),
        (False, True, True, True, False),
    )


@test
def the_release_that_is_the_newest_today_has_no_other():
    folder = os.environ.get("SHMETER_LATEST_CLIENT")
    if not folder:
        raise Skip("./check --latest fetches the newest prometheus_client")
    done = subprocess.run(
        [sys.executable, "-B", os.path.join(HERE, "api.py"), folder], check=True, capture_output=True, text=True
    )
    nothing(list(missing(entry(line) for line in done.stdout.splitlines())), f"of the release in {folder}")


if __name__ == "__main__":
    main()
