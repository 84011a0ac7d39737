"""The amalgamated shmeter.h as others compile it: alone, strictly, in C and C++, with gcc and clang, with and without
Concurrency Kit.

Usage: test_header.py SOURCE_FOLDER FOLDER_OF_SHMETER_H LIBSHMETER_SO
"""
import atexit
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Skip, main, test  # noqa: E402

SOURCE, INCLUDE, LIBRARY = sys.argv[1:4]
USE = os.path.join(SOURCE, "tests/repo/header_use.c")
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Werror"]
C, CXX = ["-std=c11", "-x", "c"], ["-std=c++17", "-x", "c++"]
COMPILERS = {"gcc": C, "clang": C, "g++": CXX, "clang++": CXX}

FOLDER = tempfile.mkdtemp(prefix="shmeter-header-", dir="/dev/shm")
atexit.register(shutil.rmtree, FOLDER, True)


def path(name):
    return os.path.join(FOLDER, name)


def need(program):
    if not shutil.which(program):
        raise Skip(f"{program} is not installed")


def succeed(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}\nended with {done.returncode} and said:\n{done.stdout}")
    return done.stdout


def compile_(compiler, text, *flags, output="/dev/null"):
    """Compiles a text alone; a -c among the flags makes no program. Returns the compiler's result, whatever it is."""
    return subprocess.run([compiler, *COMPILERS[compiler], *WARNINGS, "-I", INCLUDE, *flags, "-", "-o", output],
                          input=text,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def run_use(program, **environment):
    segment = path("segment")
    try:
        said = succeed([program, segment], env={**os.environ, **environment})
        assert said.endswith("good\n"), said
    finally:
        if os.path.exists(segment):
            os.unlink(segment)


def uses_everything(compiler, optimisation):
    need(compiler)
    program = path("use")
    for ck in ([], ["-DSHMETER_NO_CK"]):
        command = [compiler, *COMPILERS[compiler], *WARNINGS, optimisation, "-I", INCLUDE, *ck, USE, "-o", program]
        succeed(command)
        run_use(program)
        succeed([*command, "-DSHMETER_LINK", "-x", "none", LIBRARY])
        run_use(program, LD_LIBRARY_PATH=os.path.dirname(LIBRARY))
        included = compile_(compiler, '#include "shmeter.h"\n', optimisation, *ck, "-c")
        assert included.returncode == 0, included.stdout


for each_compiler, language in COMPILERS.items():
    for level in ("-O0", "-O2"):
        case = functools.partial(uses_everything, each_compiler, level)
        case.__name__ = f"{each_compiler}_{language[0][5:]}_{level[1:]}_compiles_and_runs_it_without_a_warning".replace("+", "p")
        test(case)


@test
def a_program_needs_no_library_but_libc():
    need("gcc")
    need("objdump")
    program = path("needs")
    succeed(["gcc", *C, "-O2", "-I", INCLUDE, USE, "-o", program])
    needed = set(re.findall(r"NEEDED\s+(\S+)", succeed(["objdump", "-p", program])))
    assert needed == {"libc.so.6"}, needed


@test
def it_compiles_where_concurrency_kit_is_not_installed():
    need("gcc")
    system = path("system")  # /usr/include without ck's headers
    os.mkdir(system)
    for name in os.listdir("/usr/include"):
        if not name.startswith("ck_"):
            os.symlink(os.path.join("/usr/include", name), os.path.join(system, name))
    own = succeed(["gcc", "-print-file-name=include"]).strip()
    triplet = os.path.join("/usr/include", succeed(["gcc", "-print-multiarch"]).strip())
    flags = ["-nostdinc", "-isystem", own, "-isystem", system, "-isystem", triplet]
    assert compile_("gcc", "#include <ck_pr.h>\n", *flags, "-c").returncode != 0, "ck is still to be found"
    succeed(["gcc", *C, *WARNINGS, *flags, "-I", INCLUDE, USE, "-o", path("use")])
    run_use(path("use"))


# Names that C++ gives its own meaning, each way of giving label values, and descriptions that are constants.
CXX_USE = """extern "C" {
#include "shmeter.h"
#include "shmeter_path.h"
}
#include <cstdio>
#include <string>
#include <string_view>
static const char *const labels[] = { "method", "status", nullptr };
#if __cplusplus >= 202002L
static constexpr double bounds[] = { 1, 2 };
static constexpr shmeter_desc requests = { .type = SHMETER_COUNTER, .name = "a_total", .help = "A.", .labels = labels };
static constexpr shmeter_desc sizes = { .type = SHMETER_HISTOGRAM, .name = "b", .bounds = bounds, .bounds_len = 2 };
static constexpr shmeter_options options = { .max_slots = 4 };
#else
static constexpr shmeter_desc nothing{};
static shmeter_desc requests = nothing, sizes;
static shmeter_options options;
#endif
int main(int, char **arguments)
{
    shmeter *meter = nullptr;
    const shmeter_family_type *family = nullptr;
    std::string method = "GET";
    std::string_view status("200...", 3);
    char text[] = "200", path[64];
#if __cplusplus < 202002L
    requests.name = "a_total";
    requests.labels = labels;
    sizes.type = SHMETER_HISTOGRAM;
    sizes.name = "b";
#endif
    shmeter_open(&meter, arguments[1], &options);
    family = shmeter_family(meter, &requests);
    shmeter_counter_inc(shmeter_counter_of(family, "GET", "200"));
    shmeter_counter_inc(shmeter_counter_of(family, method, status));
    shmeter_counter_inc(shmeter_counter_of(family, method.c_str(), text));
    shmeter_counter_inc(shmeter_counter_of(family, "GET", std::string_view()));
    shmeter_histogram_observe(shmeter_histogram_of(shmeter_family(meter, &sizes)), 1.5);
    shmeter_normalize_path(path, sizeof path, "/a/1", 4);
    std::puts(*shmeter_error(meter) ? shmeter_error(meter) : "good");
    shmeter_close(meter);
}
"""
# Where a value with a length leads: the cell of what has no length, zeros made visible, too long ones in the overflow
# series.
VALUES_USE = """#include "shmeter.h"
#include <cstdio>
#include <string>
static const char *const labels[] = { "a", "b", nullptr };
static int same(shmeter_counter a, shmeter_counter b) { return a.cell == b.cell && a.cell; }
int main(int, char **arguments)
{
    shmeter *meter;
    shmeter_desc desc;
    std::string empty, zero(1, 0), longest(255, 'x'), longer(256, 'x'), zeros(300, 0);
    int good = 1;
    desc.name = "a_total";
    desc.labels = labels;
    shmeter_open(&meter, arguments[1], nullptr);
    const shmeter_family_type *f = shmeter_family(meter, &desc);
    good &= same(shmeter_counter_of(f, "x", ""), shmeter_counter_of(f, std::string("x"), empty));
    good &= same(shmeter_counter_of(f, "x", "\\xef\\xbf\\xbd"), shmeter_counter_of(f, "x", zero));
    good &= same(shmeter_counter_of(f, "x", longest.c_str()), shmeter_counter_of(f, "x", longest));
    good &= !same(shmeter_counter_of(f, "__overflow__", "__overflow__"), shmeter_counter_of(f, "x", longest));
    good &= same(shmeter_counter_of(f, "__overflow__", "__overflow__"), shmeter_counter_of(f, "x", longer));
    good &= same(shmeter_counter_of(f, "__overflow__", "__overflow__"), shmeter_counter_of(f, zeros, "x"));
    good &= !*shmeter_error(meter);
    shmeter_value many[40] = {};
    shmeter_counter_inc(shmeter_counter_of_n(f, many, 40));
    good &= !!*shmeter_error(meter);
    std::puts(good ? "good" : "bad");
    shmeter_close(meter);
}
"""
CXX_WARNINGS = ["-Wold-style-cast", "-Wshadow", "-Wcast-qual", "-Wzero-as-null-pointer-constant",
                "-Wno-missing-field-initializers"]


def is_used_as_cxx_writes(compiler, standard, *more):
    need(compiler)
    with open(path("use.cc"), "w", encoding="utf-8") as file:
        file.write(CXX_USE)
    for level in ("-O0", "-O2"):
        succeed([compiler, "-std=" + standard, *WARNINGS, *CXX_WARNINGS, *more, level, "-I", INCLUDE, path("use.cc"),
                 "-o", path("use")])
        run_use(path("use"))


for each_standard in ("c++17", "c++20"):
    for each_compiler, options in {"g++": ["-Wuseless-cast"], "clang++": []}.items():
        case = functools.partial(is_used_as_cxx_writes, each_compiler, each_standard, *options)
        case.__name__ = f"{each_compiler}_takes_the_ways_of_{each_standard}".replace("+", "p")
        test(case)


@test
def values_with_a_length_are_the_same_series():
    need("g++")
    with open(path("use.cc"), "w", encoding="utf-8") as file:
        file.write(VALUES_USE)
    succeed(["g++", "-std=c++17", "-I", INCLUDE, path("use.cc"), "-o", path("use")])
    run_use(path("use"))


LABEL = """#include "shmeter.h"
void use(const struct shmeter_family *family, int number, const char *text)
{{
    (void)number, (void)text;
    (void){kind}_of(family, "GET", {label});
}}
"""


def refuses_labels_that_are_no_text(compiler):
    need(compiler)
    for kind in ("shmeter_counter", "shmeter_counter_f64", "shmeter_gauge", "shmeter_histogram"):
        good = compile_(compiler, LABEL.format(kind=kind, label="text"), "-c")
        assert good.returncode == 0, good.stdout
    for label in ("200", "number", "2.5", "'x'", "&number", "family"):
        # without -Werror: it must be an error by itself
        bad = subprocess.run([compiler, *COMPILERS[compiler], "-I", INCLUDE, "-c", "-", "-o", "/dev/null"],
                             input=LABEL.format(kind="shmeter_counter", label=label), stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, check=False)
        assert bad.returncode != 0, f"{compiler} takes {label} as a label value"


for each_compiler in COMPILERS:
    case = functools.partial(refuses_labels_that_are_no_text, each_compiler)
    case.__name__ = f"{each_compiler.replace('+', 'p')}_refuses_a_label_that_is_no_text"
    test(case)


@test
def as_many_labels_as_a_family_may_have_can_be_given():
    need("gcc")
    for n, fits in ((16, True), (17, False)):
        labels = ", ".join(f'"{i}"' for i in range(n))
        text = f'#include "shmeter.h"\nvoid use(const struct shmeter_family *f) {{ (void)shmeter_counter_of(f, {labels}); }}\n'
        assert (compile_("gcc", text, "-c").returncode == 0) == fits, n


@test
def c_and_cpp_files_of_one_program_use_it_together():
    need("gcc")
    need("g++")
    part = '#include "shmeter.h"\nPREFIX void part_NAME(struct shmeter_counter c);\n' \
           'PREFIX void part_NAME(struct shmeter_counter c) { shmeter_counter_inc(c); }\n'
    objects = []
    for name, compiler, prefix in (("a", "gcc", ""), ("b", "gcc", ""), ("c", "g++", 'extern "C"'),
                                   ("d", "g++", 'extern "C"')):
        objects.append(path(name + ".o"))
        text = part.replace("PREFIX", prefix).replace("NAME", name)
        done = compile_(compiler, text, "-O2", "-c", output=objects[-1])
        assert done.returncode == 0, done.stdout
    whole = """#include "shmeter.h"
#include <stdio.h>
void part_a(struct shmeter_counter); void part_b(struct shmeter_counter);
void part_c(struct shmeter_counter); void part_d(struct shmeter_counter);
static const struct shmeter_desc desc = { .type = SHMETER_COUNTER, .name = "parts_total", .help = "Parts." };
int main(int argc, char **argv) {
    struct shmeter *m;
    struct shmeter_counter c;
    int result = shmeter_open(&m, argv[argc - 1], NULL);
    c = shmeter_counter_of(shmeter_family(m, &desc));
    part_a(c); part_b(c); part_c(c); part_d(c);
    puts(result ? shmeter_error(m) : "good");
    return result != 0;
}
"""
    objects.append(path("main.o"))
    done = compile_("gcc", whole, "-c", output=objects[-1])
    assert done.returncode == 0, done.stdout
    succeed(["g++", *objects, "-o", path("together")])
    run_use(path("together"))


if __name__ == "__main__":
    main()
