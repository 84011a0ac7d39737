"""check, quickstart and what they share, on machines that are made up: programs of one's own in PATH say what is
installed.

Usage: test_scripts.py SOURCE_FOLDER BUILD_FOLDER
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import main, test  # noqa: E402

SOURCE, BUILD = map(os.path.abspath, sys.argv[1:3])
SCRIPTS = ("check", "quickstart")
LISTS = "tests/python/around"  # of what pip fetches


class Machine:
    """A copy of the scripts, and a PATH with nothing but a shell's tools and the programs that the test makes up."""

    TOOLS = ("sh", "dirname", "mkdir", "printf", "tail", "env", "cat", "rm", "sed", "true")

    def __enter__(self):
        self.top = tempfile.mkdtemp(prefix="shmeter-scripts-")
        self.bin = os.path.join(self.top, "bin")
        os.mkdir(self.bin)
        for name in SCRIPTS:
            shutil.copy(os.path.join(SOURCE, name), self.top)
        shutil.copytree(os.path.join(SOURCE, "tools"), os.path.join(self.top, "tools"))
        shutil.copytree(os.path.join(SOURCE, LISTS), os.path.join(self.top, LISTS))
        for name in self.TOOLS:
            os.symlink(shutil.which(name), os.path.join(self.bin, name))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.top)

    def program(self, name, body):
        path = os.path.join(self.bin, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#!{shutil.which("sh")}\necho "{name} $*" >> "{self.top}/calls"\n{body}\n')
        os.chmod(path, 0o755)

    def debian(self, installed="", user=1000, sudo=None, apt_get="exit 0"):
        """installed: a shell pattern of packages; sudo: what it does, None: there is none."""
        self.program("dpkg-query", f'case $4 in {installed or "nothing"}) echo installed;; *) exit 1;; esac')
        self.program("apt-get", apt_get)
        self.program("id", f"echo {user}")
        if sudo is not None:
            self.program("sudo", sudo)

    def run(self, script, *arguments):
        """No package comes from an index."""
        return subprocess.run([os.path.join(self.top, script), *arguments], env={"PATH": self.bin, "PIP_NO_INDEX": "1"},
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def calls(self, program):
        try:
            with open(os.path.join(self.top, "calls"), encoding="utf-8") as file:
                return [line.strip() for line in file if line.startswith(program + " ")]
        except FileNotFoundError:
            return []


def all_but(*missing):
    """The shell pattern of all packages that a build needs without those."""
    done = subprocess.run(["sh", "-c", '. "$1"/tools/packages.sh; echo $BUILD_PACKAGES', "sh", SOURCE],
                          capture_output=True, text=True,
                          check=True)
    return "|".join(name for name in done.stdout.split() if name not in missing)


@test
def both_say_how_they_are_used():
    for script in SCRIPTS:
        done = subprocess.run([os.path.join(SOURCE, script), "--help"], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and done.stdout.startswith(f"Usage: ./{script}"), done
        with Machine() as machine:  # also where nothing is installed
            assert machine.run(script, "--help").stdout == done.stdout


@test
def both_refuse_an_unknown_option():
    for script in SCRIPTS:
        with Machine() as machine:
            machine.debian()
            done = machine.run(script, "--no-such-option")
            assert done.returncode == 2 and "--no-such-option" in done.stdout, done.stdout
            assert not machine.calls("apt-get")


@test
def without_root_they_say_which_command_installs_what_is_missing():
    for script in SCRIPTS:
        for sudo in (None, "exit 1"):  # there is none, or it wants a password and nobody is there to type it
            with Machine() as machine:
                machine.debian(installed="gcc|g++|libc6-dev", sudo=sudo)
                done = machine.run(script)
                assert done.returncode == 1, done.stdout
                line = next(line.strip() for line in done.stdout.splitlines() if "apt-get install" in line)
                assert line.startswith("apt-get update && apt-get install --no-install-recommends -y "), line
                words = line.split()
                assert "meson" in words and "libmicrohttpd-dev" in words and "libck-dev" in words, line
                assert "gcc" not in words and "libc6-dev" not in words, line
                assert ("clang" in words) == (script == "check"), line
                assert not machine.calls("apt-get"), "it called apt-get all the same"


@test
def as_root_they_install_what_is_missing_and_nothing_else():
    with Machine() as machine:
        machine.debian(installed=all_but("libmicrohttpd-dev", "libcmocka-dev"), user=0)
        machine.program("python3", "exit 7")
        assert machine.run("quickstart").returncode != 1
        assert machine.calls("apt-get") == ["apt-get update -q",
                                            "apt-get install --no-install-recommends -y libmicrohttpd-dev "
                                            "libcmocka-dev -q"]


@test
def with_sudo_they_install_through_it():
    with Machine() as machine:
        machine.debian(installed=all_but("pkg-config"), sudo='[ "$1" = -n ] && shift; exec "$@"')
        machine.program("python3", "exit 0")
        machine.run("quickstart")
        assert machine.calls("apt-get")[-1] == "apt-get install --no-install-recommends -y pkg-config -q"
        assert "sudo env DEBIAN_FRONTEND=noninteractive apt-get install --no-install-recommends -y pkg-config -q" in machine.calls("sudo")


@test
def where_all_is_installed_they_ask_nobody():
    with Machine() as machine:
        machine.debian(installed="*", user=1000, sudo="exit 1")
        machine.program("python3", "exit 0")
        machine.run("quickstart")
        assert not machine.calls("apt-get") and not machine.calls("sudo")


@test
def an_apt_get_that_fails_is_quoted():
    with Machine() as machine:
        machine.debian(user=0, apt_get="echo E: no such mirror; exit 100")
        done = machine.run("quickstart")
        assert done.returncode == 1 and "E: no such mirror" in done.stdout and "apt-get install" in done.stdout, \
            done.stdout


@test
def check_says_what_to_do_when_prometheus_cannot_be_fetched():
    with Machine() as machine:
        machine.debian(installed="*", apt_get="echo E: no package lists; exit 100")
        done = machine.run("check")
        assert done.returncode == 1 and "E: no package lists" in done.stdout, done.stdout
        assert "apt-get update && apt-get install --no-install-recommends -y prometheus" in done.stdout, done.stdout


@test
def check_goes_on_where_the_kernel_for_arm64_cannot_be_fetched():
    with Machine() as machine:
        machine.debian(installed="*", apt_get="echo E: no such mirror; exit 100")
        machine.program("prometheus", "exit 0")
        machine.program("victoria-metrics", "exit 0")
        machine.program("apt-cache", "exit 0")
        done = machine.run("check")
        assert "E: no such mirror" in done.stdout and "will be skipped" in done.stdout, done.stdout
        # it came so far; there is no source here
        assert "meson could not configure the build" in done.stdout, done.stdout
        assert not os.path.exists(os.path.join(machine.top, "build-tools/arm64"))


@test
def check_goes_on_where_suites_of_libraries_cannot_be_fetched():
    with Machine() as machine:
        machine.debian(installed="*")
        machine.program("prometheus", "exit 0")
        machine.program("victoria-metrics", "exit 0")
        done = machine.run("check")
        assert "They could not be had; tests that run them will be skipped." in done.stdout, done.stdout
        assert "meson could not configure the build" in done.stdout, done.stdout
        assert not os.path.exists(os.path.join(machine.top, "build-tools/suites/complete"))


@test
def ci_runs_check():
    with open(os.path.join(SOURCE, ".ci/run"), encoding="utf-8") as file:
        assert "exec ./check" in file.read()
    for name in (*SCRIPTS, ".ci/run"):
        assert os.access(os.path.join(SOURCE, name), os.X_OK), name


def summary(*runs, meson=0, logs=1, tests=None):
    """What tools/test_summary.py makes of a log, or of the same one several times: (exit code, last line, everything).
    tests: the names of all of the build's."""
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log.json")
        with open(log, "w", encoding="utf-8") as file:
            for number, (stdout, result, code) in enumerate(runs):
                file.write(json.dumps({"name": f"program{number}", "stdout": stdout, "result": result,
                                       "returncode": code,
                                       "duration": 60 * number}) + "\n")
        options = []
        if tests:
            options = ["--of", os.path.join(folder, "tests.json")]
            with open(options[1], "w", encoding="utf-8") as file:
                json.dump([{"name": name} for name in tests], file)
        done = subprocess.run([sys.executable, "-B", os.path.join(SOURCE, "tools/test_summary.py"), *options,
                               *[log, str(meson)] * logs],
                              stdout=subprocess.PIPE, text=True, check=False)
        return done.returncode, done.stdout.splitlines()[-1], done.stdout


@test
def cases_are_counted_one_by_one():
    good = ("1..3\nok 1 - a\nok 2 - b\nok 3 - c # SKIP no x\n", "OK", 0)
    assert summary(good)[:2] == (0, "2 passed, 0 failed, 1 skipped")
    assert "skipped: program0: c SKIP no x\n" in summary(good)[2]
    assert summary(good, ("", "OK", 0))[:2] == (0, "3 passed, 0 failed, 1 skipped")
    # cmocka's way
    assert summary(("1..2\nok 1 - a\nnot ok 2 # SKIP b\n", "FAIL", 0), meson=1)[:2] == (0,
                                                                                        "1 passed, 0 failed, 1 skipped")


@test
def a_failed_case_fails_the_check_and_is_shown():
    code, last, said = summary(("1..2\nok 1 - a\nnot ok 2 - b\n# because of x\n", "FAIL", 1), meson=1)
    assert (code, last) == (1, "1 passed, 1 failed") and "because of x" in said and "program0" in said


@test
def figures_are_shown_of_a_long_check_alone():
    program = ("1..1\n# 17 kills\nok 1 - a\n# ok - a\n", "OK", 0)
    assert "17 kills" not in summary(program)[2]
    code, last, said = summary(("1..1\nok 1 - b\n", "OK", 0), program, logs=2)
    assert (code, last) == (0, "4 passed, 0 failed"), said
    assert "==== program1, 60 s\n17 kills\n" in said and "# ok" not in said, said


@test
def a_quick_check_names_what_it_left_out():
    code, last, said = summary(*[("1..1\nok 1 - a\n", "OK", 0)] * 2,
                               tests=["program0", "long one", "program1", "other"])
    assert (code, last) == (0, "2 passed, 0 failed") and "\nLeft out: long one, other.\n" in said, said
    assert "The longest of these were program1 (60 s), program0 (0 s)." in said, said
    assert "Left out" not in summary(("1..1\nok 1 - a\n", "OK", 0))[2]


@test
def a_quick_check_runs_all_but_what_the_build_marks_as_long_winded():
    with open(os.path.join(SOURCE, "check"), encoding="utf-8") as file:
        assert "${quick:+--no-suite long-winded}" in file.read()
    with open(os.path.join(BUILD, "meson-info/intro-tests.json"), encoding="utf-8") as file:
        tests = {one["name"]: one["suite"] for one in json.load(file)}
    marked = {name for name, suites in tests.items() if "shmeter:long-winded" in suites}
    listed = subprocess.run(["meson", "test", "-C", BUILD, "--no-rebuild", "--list", "--no-suite", "long-winded"],
                            stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=True).stdout
    listed = {line.rpartition(" / ")[2] for line in listed.splitlines()}
    assert marked and listed & set(tests) == set(tests) - marked, listed ^ (set(tests) - marked)


@test
def what_no_case_says_fails_the_check_too():
    for run in (("1..2\nok 1 - a\n", "ERROR", 0), ("1..1\nok 1 - a\n", "ERROR", -11), ("ok 1 - a\n", "OK", 0),
                ("1..0\n", "SKIP", 0),
                ("", "SKIP", 0), ("1..1\nok 1 - a\n", "TIMEOUT", -15), ("", "FAIL", 1)):
        assert summary(("1..1\nok 1 - z\n", "OK", 0), run)[0] == 1, run
    assert summary(("1..1\nok 1 - z\n", "OK", 0), meson=2)[0] == 1
    assert summary()[0] == 1, "nothing ran"


if __name__ == "__main__":
    main()
