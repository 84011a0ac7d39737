"""Which folder may include from which: the arrows of docs/ARCHITECTURE.md, and who may use what of other libraries.

Usage: test_includes.py SOURCE_FOLDER
"""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import main, nothing, test  # noqa: E402

SOURCE = sys.argv[1]

# The floors, from the ground up. Nothing points back: shm/ knows nobody, lib/ no HTTP and no command; examples and
# benches use the public header.
PUBLIC = {"shmeter.h", "shmeter_path.h"}
READ = {"lib/read", "lib/read/snapshot", "lib/read/filters"}
LIB = {"lib/base", "lib/model", "lib/formats", "lib/read/file", "lib/exposition", "lib/health"} | READ
SHM = ["shm/machine", "shm/layout", "shm/process", "shm/lanes", "shm/segment", "shm/registry", "shm/slots", "shm"]
ARROWS = {room: set(SHM[:at + 1]) for at, room in enumerate(SHM)} | {
    "client": {"client", *SHM},
    "client/python": {"client/python", "lib/saved", "lib/process", *PUBLIC} | LIB,
    "lib/base": {"lib/base", *SHM},
    "lib/model": {"lib/model", "lib/base", *SHM},
    "lib/formats": {"lib/formats", "lib/model", "lib/base"},
    "lib/read/file": {"lib/read/file", "lib/base", *SHM},
    "lib/read/snapshot": {"lib/read/snapshot", "lib/read/file", "lib/base", *SHM},
    "lib/read/filters": {"lib/read/filters", "lib/read/file", "lib/base"},
    "lib/read/give": {"lib/read/give", "lib/read/filters", "lib/read/snapshot", "lib/model", "lib/base", *SHM},
    "lib/read": {"lib/read", "lib/read/give", "lib/read/filters", "lib/read/snapshot", "lib/read/file", "lib/base",
                 *SHM},
    "lib/saved": {"lib/saved", "lib/read/snapshot", "lib/read/file", "lib/model", "lib/base", *SHM},
    "lib/process": {"lib/process", "lib/read/snapshot", "lib/model", "lib/base"},
    "lib/exposition": {"lib/exposition", "lib/read", "lib/read/snapshot", "lib/formats", "lib/model", "lib/base"},
    "lib/health": {"lib/health", "lib/read/snapshot", "lib/model", "lib/base", *SHM},
    "lib/daemon": {"lib/daemon", "lib/base"},
    "exporter/auth": {"exporter/auth", "lib/base"},
    "exporter/tls": {"exporter/tls", "lib/base"},
    "exporter/settings": {"exporter/settings", "exporter/auth", "exporter/tls", "lib/daemon"} | LIB,
    "exporter/scrape": {"exporter/scrape", "exporter/settings", "lib/process"} | LIB,
    "exporter/web": {"exporter/web", "exporter/auth", "exporter/tls", "exporter/settings", "exporter/scrape",
                     "lib/formats", "lib/daemon", "lib/base"},
    "exporter": {"exporter", "exporter/scrape", "exporter/settings", "exporter/web", "lib/daemon", "lib/base"},
    "cli": {"cli", "lib/saved", *SHM} | LIB,
    "bench": {"bench", *PUBLIC} | LIB,
    "examples": {"examples", *PUBLIC},
}

ROOMS = sorted(ARROWS, key=len, reverse=True)  # the innermost first

# From the model on, nobody sees a segment, not even through another header.
SEES_NO_SEGMENT = re.compile(r"lib/(formats/.*|daemon/.*|health/rules/.*|base/(?!(containers/key|utf8)\.c)[\w/]+\.\w+)|exporter/.*")

MADE = {*PUBLIC, "formats/exposition.pb-c.h"}  # by the build

# Library headers and compiler words, and the only files that may have them.
OWNERS = {
    r"#\s*include\s*<ck_": r"shm/machine/atomic\.h",
    r"\b__atomic_\w+|\b__sync_\w+|\bck_pr_\w+|<stdatomic\.h>": r"shm/machine/atomic\.h|bench/.*",
    r"#\s*include\s*<microhttpd": r"exporter/.*",
    r"#\s*include\s*<isa-l": r"lib/formats/gzip\.c",
    r"#\s*include\s*<re2/": r"lib/base/regex\.cc",
    r"#\s*include\s*<yaml\.h": r"lib/daemon/settings/internal\.h",
    r"#\s*include\s*[<\"](protobuf-c/|.*\.pb-c\.h)": r"lib/formats/plan/protobuf\.c",
    r"#\s*include\s*<gnutls/": r"exporter/(tls/\w+|auth/\w+|web/guard|web/handshakes)\.[ch]",
    r"#\s*include\s*<nettle/": r"exporter/auth/basic\.c",
    r"#\s*include\s*<crypt\.h": r"exporter/auth/(auth|basic)\.c",
    r"#\s*include\s*<jansson": r"(lib/health/(rules/)?json|exporter/.*|cli/.*|bench/\w+)\.[ch]",
}


def sources():
    """Path -> text without comments."""
    found = {}
    for folder in {room.split("/")[0] for room in ROOMS}:
        for where, _, files in os.walk(os.path.join(SOURCE, folder)):
            for file in files:
                if file.endswith((".c", ".h", ".cc", ".def")):
                    path = os.path.join(where, file)
                    with open(path, encoding="utf-8") as stream:
                        found[os.path.relpath(path, SOURCE)] = re.sub(r"/\*.*?\*/", "", stream.read(), flags=re.DOTALL)
    return found


def included(path, text, files):
    """The project's files that this one includes: from beside it, from the root, from lib/. What the build makes stands
    for itself."""
    for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.MULTILINE):
        beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
        yield next((one for one in (beside, name, "lib/" + name) if one in files), name)


def target_folder(name):
    name = "lib/" + name if name in MADE and "/" in name else name
    return next((room for room in ROOMS if name.startswith(room + "/")), name)


def wrong_arrows(files):
    return [f"{path} includes {name}" for path, text in files.items() for name in included(path, text, files)
            if target_folder(name) not in ARROWS[target_folder(path)]]


def unknown_files(files):
    return [f"{path} includes {name}, which is no file" for path, text in files.items()
            for name in included(path, text, files)
            if name not in files and name not in MADE]


def reached(path, files):
    """Everything that a file includes, directly or not."""
    seen, todo = set(), [path]
    while todo:
        for name in included(todo[-1], files.get(todo.pop(), ""), files):
            if name not in seen:
                seen.add(name)
                todo.append(name)
    return seen


def sees_a_segment(files):
    return [f"{path} reaches {name}" for path in files if SEES_NO_SEGMENT.fullmatch(path)
            for name in sorted(reached(path, files)) if name.startswith("shm/")]


def wrong_owners(files):
    return [f"{path}: {found[0]}" for word, owner in OWNERS.items() for path, text in files.items()
            if not re.fullmatch(owner, path) for found in re.finditer(word, text)]


@test
def every_include_follows_an_arrow():
    files = sources()
    assert len(files) > 60, "the sources were not found"
    nothing(unknown_files(files) + wrong_arrows(files), "includes")


@test
def no_arrow_leads_back():
    above = {room: uses - {room} for room, uses in ARROWS.items()}
    while above:
        lowest = {room for room, uses in above.items() if not uses & above.keys()}
        assert lowest, f"a circle: {sorted(above)}"
        above = {room: uses for room, uses in above.items() if room not in lowest}


@test
def encoders_and_the_exporter_never_see_a_segment():
    files = sources()
    assert sum(1 for path in files if SEES_NO_SEGMENT.fullmatch(path)) > 20, "the files were not found"
    nothing(sees_a_segment(files), "from the model on, nobody knows shm/")


@test
def each_library_and_each_atomic_has_its_place():
    nothing(wrong_owners(sources()), "used elsewhere than in its place")


@test
def an_include_against_the_arrows_is_noticed():
    files = sources()
    for path, name in (("shm/layout/layout.h", "model/model.h"), ("lib/model/model.h", "exporter/web/http.h"),
                       ("lib/formats/encode.h", "read/store.h"),
                       ("lib/read/snapshot/snapshot.h", "model/model.h"),
                       ("lib/read/snapshot/contents.h", "read/give/give.h"),
                       ("lib/read/store.h", "formats/encode.h"),
                       ("exporter/web/http.h", "shm/layout/layout.h"),
                       ("exporter/settings/options.h", "exporter/web/http.h"),
                       ("examples/pool/pool.c", "shm/layout/layout.h"), ("shm/layout/layout.h", "../client/shmeter.h")):
        assert len(wrong_arrows({**files, path: files[path] + f'\n#include "{name}"\n'})) == 1, (path, name)
    path = "lib/formats/plan/plan.h"
    assert sees_a_segment({**files, path: files[path] + '\n#include "read/snapshot/internal.h"\n'})
    path = "lib/formats/plan/plan.c"
    assert wrong_owners({**files, path: files[path] + "\n__atomic_load_n(p, 0);\n"})


if __name__ == "__main__":
    main()
