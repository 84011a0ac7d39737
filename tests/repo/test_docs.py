"""The documents against the tree: code compiles and runs, links lead somewhere, quoted errors are said by somebody, programs and options
are there.

Usage: test_docs.py SOURCE_FOLDER BUILD_FOLDER
"""
import atexit
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import main, nothing, test  # noqa: E402

SOURCE, BUILD = map(os.path.abspath, sys.argv[1:3])
FOLDER = tempfile.mkdtemp(prefix="shmeter-docs-", dir="/dev/shm")
atexit.register(shutil.rmtree, FOLDER, True)
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-Wno-unused", "-I", os.path.join(BUILD, "include"), "-x", "c"]


def text(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def documents():
    found = [os.path.relpath(path, SOURCE) for path in glob.glob(SOURCE + "/*.md") + glob.glob(SOURCE + "/docs/**/*.md", recursive=True)]
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
    return subprocess.run(["gcc", *STRICT, *flags, "-"], input=code, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
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
    said = subprocess.run([os.path.join(BUILD, "cli/shmeter"), "dump", segment], capture_output=True, text=True, check=True).stdout
    assert 'shop_requests_total{method="GET",status="200"} 3\n' in said, said


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
                found += [re.sub(r'"\s*"', "", literal) for literal in re.findall(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*', file.read())]
    return "\n".join(found)


@test
def errors_in_the_readme_are_those_that_the_programs_say():
    table = re.search(r"^\| message \|.*?\n\n", text("README.md"), re.MULTILINE | re.DOTALL)[0]
    messages = re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)
    assert len(messages) >= 4, table
    said = said_by_the_sources()
    # a message is put together at run time where it has "..." and where it has a colon
    parts = [(message, part.strip()) for message in messages for part in re.split(r"\.\.\.|: ", message) if part.strip(" :")]
    nothing([f"{message}: nobody says '{part}'" for message, part in parts if part not in said], "no such errors")


def options_of(*command):
    said = subprocess.run([os.path.join(BUILD, command[0]), *command[1:], "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"--[a-z][\w.-]*", said))


@test
def options_in_the_documents_exist():
    """In lines of code: `shmeter-exporter --x`, `shmeter COMMAND --x`, `shmeter-bench --x`, `./quickstart --x`."""
    known = {"shmeter-exporter": options_of("exporter/shmeter-exporter"), "shmeter-bench": options_of("bench/shmeter-bench"),
             "shmeter-pool": {"--port", "--workers", "--segment"}}
    for command in ("create", "ls", "dump", "health", "doctor", "save", "load", "rm"):
        known["shmeter " + command] = options_of("cli/shmeter", command)
    wrong, seen = [], 0
    for document in documents():
        for program, rest in re.findall(r"(shmeter-exporter|shmeter-bench|shmeter-pool|\bshmeter (?:create|ls|dump|health|doctor|save|load|rm))\b([^`\n|]*)",
                                        text(document)):
            for option in re.findall(r"(?<=\s)--[a-z][\w.-]*", rest):
                seen += 1
                if option not in known[program]:
                    wrong.append(f"{document}: {program} {option}")
    assert seen > 3, seen
    nothing(wrong, "no such options")


if __name__ == "__main__":
    main()
