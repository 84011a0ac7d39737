"""The documents against the tree: code compiles and runs, links lead somewhere, quoted errors are said by somebody,
programs and options are there.

Usage: test_docs.py SOURCE_FOLDER BUILD_FOLDER
"""
import atexit
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Skip, main, nothing, test  # noqa: E402

SOURCE, BUILD = map(os.path.abspath, sys.argv[1:3])
FOLDER = tempfile.mkdtemp(prefix="shmeter-docs-", dir="/dev/shm")
atexit.register(shutil.rmtree, FOLDER, True)
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-Wno-unused", "-I",
          os.path.join(BUILD, "include"), "-x", "c"]


def text(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def documents():
    found = [os.path.relpath(path, SOURCE) for path in glob.glob(SOURCE + "/*.md")
             + glob.glob(SOURCE + "/docs/**/*.md", recursive=True)]
    assert len(found) >= 5, found
    return sorted(found)


def blocks(document, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text(document), re.MULTILINE | re.DOTALL)


def whole(block):
    """A block that is no file of its own stands in a function that has a meter and a family."""
    if "#include" in block:
        return block
    return '#include "shmeter.h"\nvoid snippet(struct shmeter *m, const struct shmeter_family *f);\n' \
           "void snippet(struct shmeter *m, const struct shmeter_family *f)\n{\n    (void)m, (void)f;\n" + block + "}\n"


def compile_(code, *flags):
    return subprocess.run(["gcc", *STRICT, *flags, "-"], input=code, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True,
                          check=False)


@test
def code_in_the_documents_compiles():
    wrong, seen = [], 0
    for document in documents():
        for block in blocks(document, "c"):
            seen += 1
            done = compile_(whole(block), "-c", "-o", "/dev/null")
            if done.returncode != 0:
                wrong.append(f"{document}:\n{done.stdout}")
    assert seen, "there is no code in the documents"
    nothing(wrong, "does not compile")
    assert compile_(whole("shmeter_no_such_function(m);\n"), "-c", "-o", "/dev/null").returncode != 0


@test
def the_readmes_program_counts_what_the_readme_says():
    program = next(block for block in blocks("README.md", "c") if "int\nmain" in block)
    segment, binary = os.path.join(FOLDER, "shop"), os.path.join(FOLDER, "program")
    opened = re.search(r'shmeter_open\(&\w+, "(\w+)", NULL\)', program)
    done = compile_(program.replace(f'"{opened[1]}"', f'"{segment}"'), "-o", binary)
    assert done.returncode == 0, done.stdout
    for _ in range(3):
        subprocess.run([binary], check=True)
    said = subprocess.run([os.path.join(BUILD, "cli/shmeter"), "dump", segment], capture_output=True, text=True,
                          check=True).stdout
    assert 'shop_requests_total{method="GET",status="200"} 3\n' in said, said


@test
def the_readmes_program_is_cpp_too():
    program = next(block for block in blocks("README.md", "c") if "int\nmain" in block)
    for compiler in (one for one in ("g++", "clang++") if shutil.which(one)):
        for standard in ("c++17", "c++20"):
            extensions = ["-Wno-c++20-designator", "-Wno-c++20-extensions"] if compiler == "clang++" else []
            done = subprocess.run([compiler, f"-std={standard}", "-Wall", "-Wextra", "-Werror",
                                   "-Wno-missing-field-initializers", *extensions,
                                   "-Wold-style-cast", "-I", os.path.join(BUILD, "include"), "-x", "c++", "-c", "-",
                                   "-o", "/dev/null"],
                                  input=program.replace("NULL", "nullptr"), stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, check=False)
            assert done.returncode == 0, f"{compiler} -std={standard}:\n{done.stdout}"


def made_by_something():
    """Names of metrics that programs in the documents and the middleware make."""
    shown = [text("README.md"), text("docs/PYTHON.md"), text("client/shmeter.h")]
    made = set(re.findall(r'"(shop_\w+)"', "".join(shown)))
    web = text("client/python/shmeter/web.py")
    return made | {"shop_http_" + name for name in re.findall(r'start \+ "(\w+)"', web)}


@test
def examples_of_settings_use_metrics_that_something_makes():
    made, wrong = made_by_something(), []
    assert "shop_requests_total" in made and "shop_http_request_duration_seconds" in made, made
    settings = {"deploy/shmeter-exporter.yml": [text("deploy/shmeter-exporter.yml")],
                "docs/health.md": blocks("docs/health.md", "(?:yaml|json)")}
    for where, texts in settings.items():
        for line in (line for one in texts for line in one.splitlines() if re.search(r"expr|histogram|^ +/ sum", line)):
            for name in re.findall(r"\bshop_\w+", line):
                if name not in made and re.sub(r"_(bucket|count|sum)$", "", name) not in made:
                    wrong.append(f"{where}: {name}")
    nothing(wrong, "metrics that nothing makes")


@test
def tests_that_prove_something_exist():
    known = set()
    for kind in ("--tests", "--benchmarks"):
        said = subprocess.run(["meson", "introspect", kind, BUILD], capture_output=True, text=True, check=False).stdout
        known |= {one["name"] for one in json.loads(said or "[]")}
    if not known:
        raise Skip("meson is not installed")
    wrong = []
    for cells in re.findall(r"^\|( *`[^|]*)\|", text("docs/GUARANTEES.md"), re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", cells):
            pattern = re.escape(name).replace(r"\.\.\.", ".+")
            if not any(re.fullmatch(pattern, one) for one in known):
                wrong.append(name)
    nothing(wrong, "tests that are none")


@test
def figures_of_the_exporter_stand_in_one_place():
    """What the README's table has of its memory is not said in its own page with other numbers."""
    assert re.search(r"^\| exporter at rest[^|]*\| [\d.]+ MiB", text("README.md"), re.MULTILINE)
    nothing(re.findall(r"\d+ (?:bytes|B) (?:a|per) series|[\d.]+ MiB of anonymous", text("docs/exporter.md")),
            "figures outside of the README")


@test
def links_lead_to_files():
    wrong = []
    for document in documents():
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text(document)):
            if "://" not in target and not os.path.exists(os.path.join(SOURCE, os.path.dirname(document), target)):
                wrong.append(f"{document}: {target}")
    nothing(wrong, "links to nothing")


@test
def files_that_are_named_exist():
    """Whatever stands in backticks and looks like a path of the tree or of the build, with * for any."""
    wrong = []
    places = re.compile(r"`((?:\./)?(?:build|bench|cli|client|deploy|docs|examples|exporter|include|lib|shm|tests|tools)/[\w./*-]+)[ `]")
    for document in documents():
        for path in places.findall(text(document)):
            here = path.removeprefix("./")
            root = BUILD if here.startswith("build/") else SOURCE
            if not glob.glob(os.path.join(root, here.removeprefix("build/"))):
                wrong.append(f"{document}: {path}")
    nothing(wrong, "named, and not there")


def said_by_the_sources():
    """All string literals of the product, adjacent ones joined, one after the other."""
    found = []
    for folder in ("shm", "client", "lib", "exporter", "cli", "bench", "examples"):
        for path in [*glob.glob(os.path.join(SOURCE, folder, "**/*.[ch]"), recursive=True),
                     *glob.glob(os.path.join(SOURCE, folder, "**/*.def"), recursive=True)]:
            with open(path, encoding="utf-8") as file:
                found += [re.sub(r'"\s*"', "", literal)
                          for literal in re.findall(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*', file.read())]
    return "\n".join(found)


@test
def errors_in_the_readme_are_those_that_the_programs_say():
    table = re.search(r"^\| message \|.*?\n\n", text("README.md"), re.MULTILINE | re.DOTALL)[0]
    messages = re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)
    assert len(messages) >= 4, table
    said = said_by_the_sources()
    # a message is put together at run time where it has "..." and where it has a colon
    parts = [(message, part.strip()) for message in messages for part in re.split(r"\.\.\.|: ", message)
             if part.strip(" :")]
    nothing([f"{message}: nobody says '{part}'" for message, part in parts if part not in said], "no such errors")


def options_of(*command):
    said = subprocess.run([os.path.join(BUILD, command[0]), *command[1:], "--help"], capture_output=True, text=True,
                          check=True).stdout
    return set(re.findall(r"--[a-z][\w.-]*", said))


@test
def options_in_the_documents_exist():
    """In lines of code: `shmeter-exporter --x`, `shmeter COMMAND --x`, `shmeter-bench --x`, `./quickstart --x`."""
    known = {"shmeter-exporter": options_of("exporter/shmeter-exporter"),
             "shmeter-bench": options_of("bench/shmeter-bench"),
             "shmeter-pool": {"--port", "--workers", "--segment"}}
    for command in ("create", "ls", "dump", "health", "doctor", "save", "load", "rm"):
        known["shmeter " + command] = options_of("cli/shmeter", command)
    wrong, seen = [], 0
    for document in documents():
        for program, rest in re.findall(r"(shmeter-exporter|shmeter-bench|shmeter-pool|\bshmeter "
                                        r"(?:create|ls|dump|health|doctor|save|load|rm))\b([^`\n|]*)",
                                        text(document)):
            for option in re.findall(r"(?<=\s)--[a-z][\w.-]*", rest):
                seen += 1
                if option not in known[program]:
                    wrong.append(f"{document}: {program} {option}")
    assert seen > 3, seen
    nothing(wrong, "no such options")


if __name__ == "__main__":
    main()
