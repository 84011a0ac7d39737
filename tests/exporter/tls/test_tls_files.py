"""Files of TLS: certificates are renewed while connections live, and doubtful ones are told."""
import os
import ssl

from certs import Authority, replace
from lib import equal, main, test, true, wait_for
from tls_lib import serve, served_serial, status


@test
def certificates_are_renewed_while_a_connection_lives(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority)
    first = served_serial(exporter, authority)
    old = exporter.connection()
    old.request("GET", "/-/healthy")
    equal(old.getresponse().read(), b"shmeter-exporter is running.\n")
    plug = old.sock
    authority.issue("fresh")
    for ending in (".crt", ".key"):
        replace(authority.path("fresh" + ending), authority.path("server" + ending))
    second = wait_for(lambda: served_serial(exporter, authority) != first and served_serial(exporter, authority),
                      "the new certificate")
    true(second != first, "there is another certificate")
    exporter.wait_for_log("changed certificate files are in use")
    old.request("GET", "/-/healthy")
    equal(old.getresponse().status, 200)
    true(old.sock is plug, "the connection from before lives")


@test
def a_renewed_ca_is_used_for_new_connections(bench):
    authority, other = Authority(bench.folder()), Authority(bench.folder())
    exporter = serve(bench, authority,
                     f"client_auth_type: RequireAndVerifyClientCert\nclient_ca_file: {authority.cert}",
                     authority.issue("server"))
    trust = ssl.create_default_context(cafile=authority.cert)
    stranger = authority.context(other.client())
    equal(status(exporter, stranger), None)
    replace(other.cert, authority.cert)
    stranger = trust
    stranger.load_cert_chain(*other.client("again"))
    wait_for(lambda: status(exporter, stranger) == 200, "the new CA's client")


@test
def a_pair_that_does_not_fit_leaves_the_former_one_in_use(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority)
    first = served_serial(exporter, authority)
    authority.issue("fresh")
    replace(authority.path("fresh.crt"), authority.path("server.crt"))

    def said():
        equal(served_serial(exporter, authority), first)
        return any("cannot be used" in line for line in exporter.log)

    wait_for(said, "the warning")
    for _ in range(20):
        equal(served_serial(exporter, authority), first)
    equal(sum("cannot be used" in line for line in exporter.log), 1, "said once")
    true("do not belong together" in exporter.wait_for_log("cannot be used"), "the reason is said")
    replace(authority.path("fresh.key"), authority.path("server.key"))
    wait_for(lambda: served_serial(exporter, authority) != first, "the whole pair")
    os.unlink(authority.path("server.key"))
    wait_for(lambda: exporter.ask("/-/healthy").status == 200 and any("No such file" in line for line in exporter.log),
             "the warning of the missing key")


@test
def links_to_folders_are_followed_when_they_change(bench):
    authority = Authority(bench.folder())
    for name in ("one", "two"):
        os.mkdir(authority.path(name))
        cert, key = authority.issue(name)
        os.rename(cert, authority.path(f"{name}/tls.crt"))
        os.rename(key, authority.path(f"{name}/tls.key"))
    os.symlink("one", authority.path("data"))
    exporter = serve(bench, authority, server=("data/tls.crt", "data/tls.key"))
    first = served_serial(exporter, authority)
    os.symlink("two", authority.path("data.new"))
    os.rename(authority.path("data.new"), authority.path("data"))
    wait_for(lambda: served_serial(exporter, authority) != first, "the new certificate")


@test
def doubtful_files_are_warned_of(bench):
    authority = Authority(bench.folder())
    cert, key = authority.issue("server", days=-1)
    os.chmod(key, 0o644)
    exporter = serve(bench, authority, server=(cert, key))
    exporter.wait_for_log("level=warn.*expired")
    exporter.wait_for_log("level=warn.*every user.*chmod")


if __name__ == "__main__":
    main()
