"""What others build on: the installed files, pkg-config, and the project as a meson subproject.

Usage: test_install.py SOURCE_FOLDER BUILD_FOLDER
"""
import atexit
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Skip, main, test  # noqa: E402

SOURCE, BUILD = map(os.path.abspath, sys.argv[1:3])
PYTHON = sys.executable  # the one that meson found, which the package is built for
FOLDER = tempfile.mkdtemp(prefix="shmeter-install-", dir="/dev/shm")
atexit.register(shutil.rmtree, FOLDER, True)
ROOT = os.path.join(FOLDER, "root")  # the --destdir
PROGRAM = """#include <shmeter.h>
#include <stdio.h>
static const struct shmeter_desc desc = { .type = SHMETER_COUNTER, .name = "installed_total", .help = "Installed." };
int main(int argc, char **argv) {
    struct shmeter *m;
    int result = shmeter_open(&m, argv[argc - 1], NULL);
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(m, &desc)));
    puts(result ? shmeter_error(m) : "good");
    shmeter_close(m);
    return result != 0;
}
"""


def path(name):
    return os.path.join(FOLDER, name)


def succeed(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}\nended with {done.returncode} and said:\n{done.stdout}")
    return done.stdout


def write(name, text):
    os.makedirs(os.path.dirname(path(name)), exist_ok=True)
    with open(path(name), "w", encoding="utf-8") as file:
        file.write(text)
    return path(name)


def run(program, **environment):
    segment = path("segment")
    try:
        said = succeed([program, segment], env={**os.environ, **environment})
        assert said == "good\n", said
    finally:
        if os.path.exists(segment):
            os.unlink(segment)


def install():
    if not os.path.isdir(ROOT):
        succeed(["meson", "install", "--no-rebuild", "-C", BUILD, "--destdir", ROOT])


def installed(pattern):
    """The one installed file of this name, wherever the prefix is."""
    found = [file for file in glob.glob(os.path.join(ROOT, "**", pattern), recursive=True) if os.path.isfile(file)]
    assert len(found) == 1, f"{pattern}: {found}"
    return found[0]


def pkg_config(*arguments):
    install()
    folder = os.path.dirname(installed("shmeter.pc"))
    environment = {**os.environ, "PKG_CONFIG_LIBDIR": folder, "PKG_CONFIG_SYSROOT_DIR": ROOT}
    return succeed(["pkg-config", *arguments], env=environment).split()


@test
def everything_that_users_need_is_installed():
    install()
    for pattern in ("include/shmeter.h", "include/shmeter_path.h", "libshmeter.so", "shmeter.pc", "shmeter-link.pc",
                    "cmake/shmeter/shmeter-config.cmake",
                    "cmake/shmeter/shmeter-config-version.cmake", "bin/shmeter", "bin/shmeter-exporter",
                    "systemd/system/shmeter-exporter.service", "systemd/system/shmeter-exporter.socket",
                    "systemd/system/shmeter-saved@.service", "sysusers.d/shmeter-exporter.conf"):
        installed(pattern)


@test
def what_is_only_for_building_is_not_installed():
    install()
    names = [os.path.relpath(os.path.join(where, file), ROOT) for where, _, files in os.walk(ROOT) for file in files]
    for_tests = [name for name in names if name.endswith(("/shmeter/pytest_plugin.py", "/shmeter/testing.py"))]
    odd = [name for name in set(names).difference(for_tests) if name.endswith((".c", ".a", ".o")) or "test" in name
           or "bench" in name or "pool" in name]
    assert not odd, odd
    headers = [installed("include/" + name) for name in ("shmeter.h", "shmeter_path.h")]
    assert sorted(name for name in names if name.endswith(".h")) == [os.path.relpath(header, ROOT)
                                                                     for header in headers], names


@test
def the_python_package_is_where_the_python_looks_that_it_was_built_for():
    install()
    found = glob.glob(os.path.join(ROOT, "**", "shmeter", "_core.*"), recursive=True)
    if not found:
        raise Skip("the Python package is not built")
    folder = "/" + os.path.relpath(os.path.dirname(os.path.dirname(found[0])), ROOT)
    with open(os.path.join(BUILD, "meson-info", "intro-buildoptions.json"), encoding="utf-8") as file:
        prefix = next(option["value"] for option in json.load(file) if option["name"] == "prefix")
    looked = json.loads(succeed([PYTHON, "-I", "-c", "import json, sys; print(json.dumps([sys.prefix, sys.path]))"]))
    if prefix != looked[0] and (looked[0], prefix) != ("/usr", "/usr/local"):
        raise Skip(f"the prefix {prefix} is not one of that Python's")
    assert folder in looked[1], f"{folder} is not in {looked[1]}"
    assert os.path.exists(ROOT + folder + "/shmeter-install.pth"), os.listdir(ROOT + folder)


@test
def pkg_config_is_enough_for_the_header():
    flags = pkg_config("--cflags", "--libs", "shmeter")
    assert not [flag for flag in flags if flag.startswith("-l")], flags
    succeed(["gcc", write("header/use.c", PROGRAM), *flags, "-o", path("use")])
    run(path("use"))


@test
def pkg_config_is_enough_for_the_library():
    flags = pkg_config("--cflags", "--libs", "shmeter-link")
    assert "-DSHMETER_LINK" in flags and "-lshmeter" in flags, flags
    succeed(["gcc", write("library/use.c", PROGRAM), *flags, "-o", path("use")])
    run(path("use"), LD_LIBRARY_PATH=os.path.dirname(installed("libshmeter.so")))


@test
def the_library_exports_the_public_functions_and_nothing_else():
    install()
    symbols = [line.split() for line in succeed(["nm", "-D", "--defined-only",
                                                 installed("libshmeter.so")]).splitlines()]
    names = {symbol[-1].split("@")[0] for symbol in symbols if symbol[1] in "TtWDBR"}
    assert {"shmeter_open", "shmeter_counter_add", "shmeter_histogram_observe", "shmeter_gauge_set"} <= names, names
    assert not [name for name in names if not name.startswith("shmeter_")], names


@test
def it_can_be_a_subproject_of_another_meson_project():
    if not shutil.which("meson"):
        raise Skip("meson is not installed")
    write("app/meson.build", """project('app', 'c', default_options: ['c_std=c11'])
executable('app', 'app.c', dependencies: dependency('shmeter', fallback: 'shmeter'))
executable('linked', 'app.c', dependencies: dependency('shmeter-link', fallback: 'shmeter'))
""")
    write("app/app.c", PROGRAM)
    os.makedirs(path("app/subprojects"))
    os.symlink(SOURCE, path("app/subprojects/shmeter"))
    succeed(["meson", "setup", "--wrap-mode=nodownload", path("app-build"), path("app")])
    succeed(["ninja", "-C", path("app-build"), "app", "linked"])
    run(path("app-build/app"))
    run(path("app-build/linked"))


@test
def with_its_wrap_file_each_dependency_is_found_alone():
    if not shutil.which("meson"):
        raise Skip("meson is not installed")
    for name in ("shmeter", "shmeter-link"):
        write(f"{name}-app/meson.build", f"""project('app', 'c', default_options: ['c_std=c11'])
executable('app', 'app.c', dependencies: dependency('{name}'))
""")
        write(f"{name}-app/app.c", PROGRAM)
        os.makedirs(path(f"{name}-app/subprojects"))
        os.symlink(SOURCE, path(f"{name}-app/subprojects/shmeter"))
        shutil.copy(os.path.join(SOURCE, "deploy/shmeter.wrap"), path(f"{name}-app/subprojects"))
        environment = {**os.environ, "PKG_CONFIG_LIBDIR": path("nothing")}  # not what may be installed
        succeed(["meson", "setup", "--wrap-mode=nodownload", path(f"{name}-build"), path(f"{name}-app")],
                env=environment)
        succeed(["ninja", "-C", path(f"{name}-build"), "app"])
        run(path(f"{name}-build/app"))


@test
def cmake_finds_both_wherever_the_prefix_is():
    if not shutil.which("cmake"):
        raise Skip("cmake is not installed")
    install()
    prefix = os.path.dirname(os.path.dirname(installed("include/shmeter.h")))
    write("cmake-app/CMakeLists.txt", """cmake_minimum_required(VERSION 3.18)
project(app C CXX)
find_package(shmeter 0.1 REQUIRED)
add_executable(app app.c)
target_link_libraries(app shmeter::shmeter)
add_executable(linked app.c)
target_link_libraries(linked PRIVATE shmeter::link)
""")
    write("cmake-app/app.c", PROGRAM)
    for moved in (prefix, path("moved")):
        if moved != prefix:
            shutil.copytree(prefix, moved, symlinks=True)
        build = moved.rstrip("/").replace("/", "_") + "-build"
        succeed(["cmake", "-G", "Ninja", "-S", path("cmake-app"), "-B", path(build), f"-DCMAKE_PREFIX_PATH={moved}",
                 "-DCMAKE_BUILD_TYPE=Release"])
        said = succeed(["cmake", "--build", path(build), "--verbose"])
        assert "-DSHMETER_LINK" in said, said
        for name in ("app", "linked"):
            run(os.path.join(path(build), name))
        assert "libshmeter.so" in succeed(["readelf", "-d", os.path.join(path(build), "linked")])
    old = subprocess.run(["cmake", "-G", "Ninja", "-S", path("cmake-app"), "-B", path("later"),
                          f"-DCMAKE_PREFIX_PATH={prefix}"],
                         capture_output=True, text=True,
                         check=False, input="")
    assert old.returncode == 0, old.stderr
    write("cmake-app/CMakeLists.txt",
          "cmake_minimum_required(VERSION 3.18)\nproject(app C)\nfind_package(shmeter 7 REQUIRED)\n")
    refused = subprocess.run(["cmake", "-G", "Ninja", "-S", path("cmake-app"), "-B", path("refused"),
                              f"-DCMAKE_PREFIX_PATH={prefix}"],
                             capture_output=True,
                             text=True, check=False)
    assert refused.returncode != 0 and "0.1.0" in refused.stderr, refused.stderr


@test
def it_is_built_without_the_library_of_its_tests():
    if not shutil.which("meson"):
        raise Skip("meson is not installed")
    known = path("packages")
    os.mkdir(known)
    folders = succeed(["pkg-config", "--variable", "pc_path", "pkg-config"]).strip().split(":")
    for file in (file for folder in reversed(folders) for file in glob.glob(folder + "/*.pc")):
        link = os.path.join(known, os.path.basename(file))
        if os.path.basename(file) != "cmocka.pc" and not os.path.exists(link):
            os.symlink(file, link)
    environment = {**os.environ, "PKG_CONFIG_LIBDIR": known}
    native = "--native-file=" + write("native.ini", "[binaries]\ncmake = 'false'\n")  # which would find it too
    said = succeed(["meson", "setup", native, path("untested"), SOURCE], env=environment)
    assert "the tests are not built" in said, said
    targets = json.loads(succeed(["meson", "introspect", "--targets", path("untested")]))
    files = [os.path.relpath(file, path("untested")) for target in targets for file in target["filename"]]
    assert "cli/shmeter" in files and "exporter/shmeter-exporter" in files, files
    assert not [file for file in files if file.startswith("tests/")], "installing builds tests"
    wanted = subprocess.run(["meson", "setup", native, "-Dtests=enabled", path("tested"), SOURCE], env=environment,
                            stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, check=False)
    assert wanted.returncode != 0 and "cmocka" in wanted.stdout, wanted.stdout


if __name__ == "__main__":
    main()
