"""Files of TLS: certificates are renewed while connections live, and doubtful ones are told."""
import os
import ssl
import subprocess
import sys

from certs import Authority, replace, write
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


KINDS = {  # what a certificate is made with: openssl's words, an extension, more settings; and the versions that are served, None: refused
    "rsa": (["rsa:2048"], "", "", ["TLSv1_2", "TLSv1_3"]),
    "rsa for encipherment": (["rsa:2048"], "keyUsage=critical,keyEncipherment", "", ["TLSv1_2"]),
    "rsa for encipherment alone": (["rsa:2048"], "keyUsage=keyEncipherment,dataEncipherment", "\nmax_version: TLS12", ["TLSv1_2"]),
    "rsa for encipherment, 1.3": (["rsa:2048"], "keyUsage=critical,keyEncipherment", "\nmin_version: TLS13", None),
    "rsa for signatures": (["rsa:2048"], "keyUsage=critical,digitalSignature,keyEncipherment", "", ["TLSv1_2", "TLSv1_3"]),
    "dsa": (["dsa:dsa.pem"], "", "", None),
    "secp256k1": (["ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "", "", None),
    "P-521": (["ec", "-pkeyopt", "ec_paramgen_curve:P-521"], "", "", ["TLSv1_2", "TLSv1_3"]),
    "ed25519": (["ed25519"], "", "", ["TLSv1_2", "TLSv1_3"]),
}


def own_certificate(folder, name, kind, extension):
    """Makes a certificate that signs itself; returns its path, and its key's."""
    cert, key = f"{folder}/{name}.crt", f"{folder}/{name}.key"
    if kind[0].startswith("dsa:"):
        subprocess.run(["openssl", "dsaparam", "-out", "dsa.pem", "2048"], cwd=folder, check=True, capture_output=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost"] + (["-addext", extension] if extension else []),
                   cwd=folder, check=True, capture_output=True)
    return cert, key


@test
def a_certificate_is_served_or_refused_when_it_is_read(bench):
    authority = Authority(bench.folder())
    for name, (kind, extension, more, wanted) in KINDS.items():
        cert, key = own_certificate(authority.folder, "server", kind, extension)
        if not wanted:
            path = write(authority.path("web.yml"), f"tls_server_config:\n  cert_file: {cert}\n  key_file: {key}{more}\n".replace("\nm", "\n  m"))
            for option in (["--config.check"], ["--web.listen-address=127.0.0.1:0"]):
                done = subprocess.run([sys.argv[1], f"--web.config.file={path}", *option], capture_output=True, text=True, check=False)
                equal((done.returncode, len(done.stderr.splitlines())), (1, 1), f"{name}: {done.stderr}")
                true(path in done.stderr, f"{name}: {done.stderr}")
            continue
        exporter = serve(bench, authority, more, (cert, key))
        got = []
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context(cafile=cert)
            context.minimum_version = context.maximum_version = version
            got += [version.name] if status(exporter, context) == 200 else []
        equal(got, wanted, name)
        equal(status(exporter, ssl.create_default_context(cafile=cert)), 200, f"{name}, whatever the version")
        equal(exporter.stop(), 0)


@test
def a_renewed_certificate_that_no_handshake_can_use_leaves_the_former_one_in_use(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority)
    first = served_serial(exporter, authority)
    own_certificate(authority.folder, "fresh", *KINDS["dsa"][:2])
    replace(authority.path("fresh.crt"), authority.path("server.crt"))
    replace(authority.path("fresh.key"), authority.path("server.key"))

    def said():
        equal(served_serial(exporter, authority), first)
        return any("every handshake would fail" in line for line in exporter.log)

    wait_for(said, "the warning")


if __name__ == "__main__":
    main()
