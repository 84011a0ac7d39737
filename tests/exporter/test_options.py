"""The command line: what is taken, what is refused, in which words and with which exit status."""

import os
import re
import socket
import subprocess
import sys

from lib import Skip, equal, main, test, true


def run(*options, **more):
    return subprocess.run([sys.argv[1], *options], capture_output=True, text=True, **more)


def refused(status, options, *words, **more):
    """The program ends with status and says one sentence with these words in it, on standard error."""
    done = run(*options, **more)
    equal(done.returncode, status, options)
    equal(done.stdout, "", options)
    lines = done.stderr.splitlines()
    equal(len(lines), 1, lines)
    for word in words:
        true(word in lines[0], f"{word!r} in {lines[0]!r}")


@test
def help_lists_every_option(bench):
    done = run("--help")
    equal((done.returncode, done.stderr), (0, ""))
    for option in ("segment=NAME", "segment.owner", "web.listen-address", "web.telemetry-path", "web.request-timeout",
                   "web.config.file", "config.file", "health.stuck-after", "log.level", "log.format", "version",
                   "help"):
        true("--" + option in done.stdout, option)
    true(all(len(line) <= 100 for line in done.stdout.splitlines()), "lines fit a terminal")


def documentation():
    with open(os.path.join(os.path.dirname(__file__), "../../docs/exporter.md"), encoding="utf-8") as file:
        return file.read()


@test
def every_option_is_documented(bench):
    text = documentation()
    for option in re.findall(r"^  (--[a-z.-]+(?:=[A-Z]+)?)", run("--help").stdout, re.MULTILINE):
        true(f"`{option}`" in text, option)


@test
def every_series_of_its_own_is_documented(bench):
    name = bench.name()
    bench.feeder(name)
    text = documentation()
    names = {one for one, _ in bench.exporter(f"--segment={name}").samples()}
    true(len(names) > 25, names)
    for one in names:
        true(re.search(rf"`{one}[`{{]", text), one)


@test
def version_names_the_program_and_its_http_library(bench):
    done = run("--version")
    equal((done.returncode, done.stderr), (0, ""))
    true(done.stdout.startswith("shmeter-exporter, version "), done.stdout)
    true("libmicrohttpd:" in done.stdout and "platform:" in done.stdout, done.stdout)


@test
def an_unknown_option_is_named(bench):
    refused(2, ["--bogus"], "--bogus", "no such option")
    refused(2, ["-x"], "-x", "no such option")
    refused(2, ["--bogus=3"], "--bogus=3", "no such option")


@test
def a_shortened_option_is_refused(bench):
    refused(2, ["--web.listen=127.0.0.1:0"], "--web.listen", "no such option")


@test
def an_operand_is_refused(bench):
    refused(2, ["shop"], "shop", "only options")


@test
def a_missing_argument_and_a_superfluous_one_are_told_apart(bench):
    refused(2, ["--log.level"], "--log.level", "needs an argument")
    refused(2, ["--version=3"], "--version", "takes no argument")


@test
def a_bad_value_is_refused_with_the_option_that_has_it(bench):
    for option, word in (("--log.level=loud", "debug, info, warn, error"), ("--log.format=xml", "logfmt, json"),
                         ("--web.listen-address=10077", "HOST:PORT"), ("--web.listen-address=::1:80", "brackets"),
                         ("--web.listen-address=a:65536", "65535"), ("--web.telemetry-path=metrics", "begins with /"),
                         ("--web.telemetry-path=/health", "another page"),
                         ("--web.telemetry-path=/api/v1/summary", "another page"),
                         ("--web.request-timeout=0", "seconds"),
                         ("--web.request-timeout=soon", "seconds"), ("--health.stuck-after=-1", "seconds"),
                         ("--segment=a b", "letters, digits"), ("--segment=", "letters, digits"),
                         ("--segment.owner=no-such-user", "no such user")):
        refused(2, [option], option.split("=")[0], word)


@test
def a_bad_segment_in_the_environment_is_named(bench):
    refused(2, [], "SHMETER_SEGMENT=a b", env={**os.environ, "SHMETER_SEGMENT": "a b"})


@test
def the_environment_names_the_segment(bench):
    name = bench.name()
    bench.feeder(name).do("requests", "GET", "200", 3)
    os.environ["SHMETER_SEGMENT"] = name
    try:
        exporter = bench.exporter()
    finally:
        del os.environ["SHMETER_SEGMENT"]
    true("shop_requests_total" in exporter.text(), "the segment of $SHMETER_SEGMENT is served")


@test
def a_config_file_that_cannot_be_read_is_named(bench):
    folder = bench.folder()
    for option in ("--config.file", "--web.config.file"):
        refused(1, [f"{option}={folder}/none.yml"], f"{folder}/none.yml", "No such file")
        refused(1, [f"{option}={folder}"], folder, "directory")


@test
def a_setting_in_a_config_file_is_refused_with_its_line(bench):
    path = bench.folder() + "/web.yml"
    with open(path, "w", encoding="utf-8") as file:
        file.write("# passwords\n" + "# " + "x" * 3000 + "\n---\n\nbasic_auth_users:\n  me: secret\n")
    refused(1, [f"--web.config.file={path}"], f"{path}:6:", "a bcrypt hash is wanted")
    refused(1, [f"--config.file={path}"], f"{path}:5:", "unknown key 'basic_auth_users'")


@test
def config_files_without_settings_are_accepted(bench):
    path = bench.folder() + "/empty.yml"
    with open(path, "w", encoding="utf-8") as file:
        file.write("# nothing\n\n---\n")
    exporter = bench.exporter(f"--config.file={path}", f"--web.config.file={path}", f"--segment={bench.name()}")
    equal(exporter.ask("/-/healthy").status, 200)
    equal(exporter.stop(), 0)


@test
def a_port_in_use_is_one_sentence(bench):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        refused(1, [f"--web.listen-address={address}"], address, "another program has the port",
                "--web.listen-address")


@test
def an_address_of_another_machine_is_one_sentence(bench):
    refused(1, ["--web.listen-address=203.0.113.7:0"], "203.0.113.7:0", "does not have the address")


@test
def a_hosts_name_that_nobody_knows_is_one_sentence(bench):
    refused(1, ["--web.listen-address=no-such-host.invalid:0"], "no-such-host.invalid:0", "not known")


@test
def an_ipv6_address_is_served(bench):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as why:
        raise Skip(f"no IPv6 here: {why}") from why
    exporter = bench.exporter("--web.listen-address=[::1]:0", f"--segment={bench.name()}", listen=False)
    line = exporter.wait_for_log(r"listening address=\[::1\]:\d+")
    port = int(line.rsplit(":", 1)[1])
    with socket.create_connection(("::1", port)) as plug:
        plug.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
        true(plug.recv(100).startswith(b"HTTP/1.1 200"), "an answer over IPv6")


@test
def several_addresses_are_served_by_one_exporter(bench):
    exporter = bench.exporter("--web.listen-address=127.0.0.2:0", f"--segment={bench.name()}")
    second = exporter.log[[("127.0.0.2" in line) for line in exporter.log].index(True)]
    with socket.create_connection(("127.0.0.2", int(second.rsplit(":", 1)[1]))) as plug:
        plug.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        true(plug.recv(100).startswith(b"HTTP/1.1 200"), "an answer on the second address")
    equal(exporter.ask("/metrics").status, 200)


@test
def an_address_that_others_can_reach_is_warned_of(bench):
    exporter = bench.exporter("--web.listen-address=0.0.0.0:0", f"--segment={bench.name()}", listen=False)
    exporter.wait_for_log(r"level=warn msg=\"other machines can reach this address.*0\.0\.0\.0:\d+")
    equal(exporter.stop(), 0)
    exporter = bench.exporter(f"--segment={bench.name()}")
    equal(exporter.stop(), 0)
    true(not any("other machines" in line for line in exporter.log), "loopback needs no warning")


@test
def the_metrics_can_have_another_path(bench):
    exporter = bench.exporter("--web.telemetry-path=/stats/all", f"--segment={bench.name()}")
    equal(exporter.ask("/stats/all").status, 200)
    equal(exporter.ask("/metrics").status, 404)
    true(b'href="/stats/all"' in exporter.ask("/").body, "the page links to it")


if __name__ == "__main__":
    main()
