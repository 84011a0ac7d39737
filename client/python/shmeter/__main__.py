"""python -m shmeter: which package this is, and where a program counts that names no segment. With arguments: the
command shmeter, if it is installed.
"""
import os
import shutil
import sys

from . import __path__ as package
from . import __version__, segment


def main(arguments):
    if arguments:
        command = shutil.which("shmeter")
        if not command:
            print("python -m shmeter: the command shmeter is not in PATH; without arguments this tells where metrics "
                  "go", file=sys.stderr)
            return 2
        os.execv(command, [command, *arguments])
    print(f"shmeter {__version__} in {package[0]}")
    if segment.is_own():
        print("segment: each process's own, shared with the children that it forks")
        return 0
    path = segment.path()
    print(f"segment: {path}" + ("" if os.path.exists(path) else ", which the first process will create"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
