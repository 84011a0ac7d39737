"""The public names of a package with prometheus_client's interface, and the arguments of its functions.

Usage: api.py FOLDER [PACKAGE]: prints the list of the package (prometheus_client) that is in the folder.

A line is: MODULE NAME[.METHOD] [ARGUMENTS], where an argument is its name, with = when it may be left out, behind *
when it has to be named.
"""

import importlib
import inspect
import pkgutil
import sys

PASSED_BY = ("decorator",)  # another project's file: of it, what the package calls
OF_PYTHON = ("TYPE_CHECKING", "maxunicode")
KINDS = (str, int, float, tuple, frozenset, dict)


def arguments(function):
    """The arguments as words; None: nobody knows them."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    words, star = [], False
    for parameter in signature.parameters.values():
        if parameter.name == "self" or parameter.name.startswith("_"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            words.append("*")
        star = star or parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        sign = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        words.append(sign + parameter.name + ("" if parameter.default is parameter.empty else "="))
    return words


def is_of(value, package):
    """Whether a value is one of the package's own: a class, a function or a constant."""
    module = getattr(value, "__module__", None)
    if inspect.isclass(value) or inspect.isroutine(value):
        return isinstance(module, str) and (module + ".").startswith(package + ".")
    return isinstance(value, KINDS) or (type(value).__module__ + ".").startswith(package + ".")


def entries(package):
    """(module, name, arguments or None) of all that is public."""
    top = importlib.import_module(package)
    modules = [package, *(found.name for found in pkgutil.walk_packages(top.__path__, package + "."))]
    for full in modules:
        name = full[len(package) + 1 :] or "."
        try:
            module = importlib.import_module(full)
        except ImportError:
            continue  # of a framework that is not installed
        if name in PASSED_BY:
            yield name, "decorate", ["func", "caller"]
            continue
        for key, value in sorted(vars(module).items()):
            if key.startswith("_") or key in OF_PYTHON or inspect.ismodule(value) or not is_of(value, package):
                continue
            yield name, key, arguments(value) if callable(value) else None
            if inspect.isclass(value) and value.__module__ == full:
                for method, function in sorted(vars(value).items()):
                    if not method.startswith("_") and callable(getattr(value, method)):
                        yield name, f"{key}.{method}", arguments(getattr(value, method))


def lines(package):
    """The list, without doubles."""
    for module, name, words in entries(package):
        yield " ".join([module, name, *([f"({', '.join(words)})"] if words is not None else [])])


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    print("\n".join(lines(sys.argv[2] if len(sys.argv) > 2 else "prometheus_client")))
