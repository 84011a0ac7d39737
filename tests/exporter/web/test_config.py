"""The file of --web.config.file: each mistake is one sentence with its line, and what the toolkit of Prometheus takes
is taken."""
import os
import re
import shutil
import ssl
import subprocess
import sys

from certs import Authority, write
from lib import Skip, equal, main, test, true

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
HASH = "$2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZabcde"
SECRETS = ("s3cret-word", HASH[7:], "MIIEv", "MHcCAQ")


class Files:
    """What the files of the table refer to."""

    def __init__(self, bench):
        self.authority = Authority(bench.folder())
        self.folder = self.authority.folder
        self.authority.issue("a")
        self.authority.issue("b")
        self.authority.issue("rsa", key="rsa")
        self.authority.openssl("ec", "-in", "a.key", "-aes128", "-passout", "pass:s3cret-word", "-out", "locked.key")
        write(self.authority.path("text"), "no certificate\n")
        write(self.authority.path("empty"), "")
        os.mkdir(self.authority.path("folder"))
        os.mkfifo(self.authority.path("fifo"))
        with open(self.authority.path("large"), "wb") as file:
            file.truncate(2 << 20)

    def write(self, text):
        return write(self.authority.path("web.yml"), text)

    def inline(self, name, indent=4):
        with open(self.authority.path(name), encoding="ascii") as file:
            return "|\n" + "".join(" " * indent + line for line in file)


def run(path, *options):
    done = subprocess.run([sys.argv[1], f"--web.config.file={path}", "--web.listen-address=127.0.0.1:0", *options],
                          capture_output=True, text=True, check=False)
    return done.returncode, [line for line in done.stderr.splitlines() if "level=error" in line], done.stderr


PAIR = "  cert_file: a.crt\n  key_file: a.key\n"
TLS = "tls_server_config:\n" + PAIR

# The file; the line that is blamed; words of the sentence.
MISTAKES = [
    ("tls: {}\n", 1, "tls_server_config, http_server_config, basic_auth_users, rate_limit"),
    ("tls_server_confg:\n" + PAIR, 1, "tls_server_config"),
    ("- a\n", 1, ""),
    ("a", 1, ""),
    ("tls_server_config: [a]\n", 1, "tls_server_config"),
    ("tls_server_config: true\n", 1, "tls_server_config"),
    ("basic_auth_users: {a: 'b'\n", 1, "not closed"),
    ("# c\n\ntls_server_config:\n\tcert_file: x\n", 4, ""),
    (TLS + "  certfile: x\n", 4, "certfile"),
    (TLS + "  key_file: b.key\n", 4, "key_file"),
    (TLS + TLS, 4, "tls_server_config"),
    ("tls_server_config:\n  key_file: a.key\n", 2, "cert_file is missing"),
    ("tls_server_config:\n  cert_file: a.crt\n", 2, "key_file is missing"),
    ("tls_server_config:\n  min_version: TLS12\n", 2, "cert_file is missing"),
    ("tls_server_config:\n  client_auth_type: NoClientCert\n", 2, "cert_file is missing"),
    ("tls_server_config:\n  cert_file: none.crt\n  key_file: a.key\n", 2, "none.crt cannot be read: No such file"),
    ("tls_server_config:\n  cert_file: a.crt\n  key_file: none.key\n", 3, "none.key cannot be read: No such file"),
    ("tls_server_config:\n  cert_file: folder\n  key_file: a.key\n", 2, "folder cannot be read"),
    ("tls_server_config:\n  cert_file: fifo\n  key_file: a.key\n", 2, "fifo cannot be read"),
    ("tls_server_config:\n  cert_file: large\n  key_file: a.key\n", 2, "1 MiB"),
    ("tls_server_config:\n  cert_file: text\n  key_file: a.key\n", 2, "text holds no certificate"),
    ("tls_server_config:\n  cert_file: empty\n  key_file: a.key\n", 2, "empty holds no certificate"),
    ("tls_server_config:\n  cert_file: a.key\n  key_file: a.key\n", 2, "a.key holds no certificate"),
    ("tls_server_config:\n  cert_file: a.crt\n  key_file: a.crt\n", 3, "a.crt holds no private key"),
    ("tls_server_config:\n  cert_file: a.crt\n  key_file: locked.key\n", 3, "passphrase"),
    ("tls_server_config:\n  cert_file: a.crt\n  key_file: b.key\n", 2, "do not belong together"),
    ("tls_server_config:\n  cert: nonsense\n  key_file: a.key\n", 2, "the certificate holds no certificate"),
    ("tls_server_config:\n  cert_file: a.crt\n  key: s3cret-word\n", 3, "the key holds no private key"),
    (TLS + "  cert: x\n", 4, "one of them is too many"),
    (TLS + "  key: s3cret-word\n", 4, "one of them is too many"),
    (TLS + "  client_auth_type: Always\n", 4, "RequireAndVerifyClientCert"),
    (TLS + "  client_auth_type: requireandverifyclientcert\n", 4, "RequireAndVerifyClientCert"),
    (TLS + "  client_ca_file: ca.crt\n", 4, "set client_auth_type"),
    (TLS + "  client_auth_type: RequestClientCert\n  client_ca_file: none.crt\n", 5, "none.crt cannot be read"),
    (TLS + "  client_auth_type: RequestClientCert\n  client_ca_file: text\n", 5, "text holds no certificate"),
    (TLS + "  client_auth_type: RequestClientCert\n  client_ca_file: ca.crt\n  client_ca: x\n", 6, "too many"),
    (TLS + "  client_allowed_sans: [a]\n", 4, "client_auth_type has to be"),
    (TLS + "  client_allowed_sans: [a]\n  client_auth_type: RequestClientCert\n", 4, "client_auth_type has to be"),
    (TLS + "  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: []\n", 5, "nobody could connect"),
    (TLS + "  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: ['']\n", 5, "empty"),
    (TLS + "  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: a\n", 5, "list"),
    (TLS + "  min_version: TLS14\n", 4, "TLS10, TLS11, TLS12, TLS13"),
    (TLS + "  min_version: 1.2\n", 4, "TLS10, TLS11, TLS12, TLS13"),
    (TLS + "  max_version: SSL30\n", 4, "TLS10, TLS11, TLS12, TLS13"),
    (TLS + "  min_version: TLS13\n  max_version: TLS12\n", 5, "above"),
    (TLS + "  cipher_suites:\n    - TLS_RSA_WITH_RC4_128_SHA\n", 5, "TLS_RSA_WITH_RC4_128_SHA is none"),
    (TLS + "  cipher_suites:\n    - TLS_AES_128_GCM_SHA256\n    - ECDHE-RSA-AES128-SHA\n", 6, "is none of the suites"),
    (TLS + "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n", 2, "works with the ECDSA key of"),
    ("tls_server_config:\n  cert_file: rsa.crt\n  key_file: rsa.key\n  cipher_suites: [TLS_AES_128_GCM_SHA256]\n", 2,
     "works with the RSA key of"),
    (TLS + "  prefer_server_cipher_suites: yes\n", 4, "true or false"),
    (TLS + "  curve_preferences: [CurveP256, X448]\n", 4, "CurveP256, CurveP384, CurveP521, X25519"),
    (TLS + "  curve_preferences: [X25519MLKEM768]\n", 4, "CurveP256, CurveP384, CurveP521, X25519"),
    ("http_server_config:\n  http2: 1\n", 2, "true or false"),
    ("http_server_config:\n  http3: true\n", 2, "http3"),
    ("http_server_config:\n  headers:\n    Server: me\n", 3, "Server"),
    ("http_server_config:\n  headers:\n    X-Frame-Options: allow\n", 3, "deny or sameorigin"),
    ("http_server_config:\n  headers:\n    X-Content-Type-Options: sniff\n", 3, "nosniff"),
    ("http_server_config:\n  headers:\n    Content-Security-Policy: \"a\\r\\nSet-Cookie: b\"\n", 3,
     "control characters"),
    ("http_server_config:\n  headers: [a]\n", 2, "headers"),
    ("basic_auth_users:\n  - alice\n", 2, "users and hashes"),
    ("basic_auth_users: alice\n", 1, "users and hashes"),
    ("basic_auth_users:\n  alice: s3cret-word\n", 2, "alice: a bcrypt hash is wanted"),
    ("basic_auth_users:\n  alice:\n", 2, "alice: a bcrypt hash is wanted"),
    ("basic_auth_users:\n  alice: [s3cret-word]\n", 2, ""),
    (f"basic_auth_users:\n  alice: '{HASH}x'\n", 2, "a bcrypt hash is wanted"),
    (f"basic_auth_users:\n  alice: '{HASH.replace('$10$', '$19$')}'\n", 2, "cost"),
    (f"basic_auth_users:\n  alice: '{HASH.replace('$10$', '$03$')}'\n", 2, "cost"),
    (f"basic_auth_users:\n  alice: '{HASH}'\n  alice: '{HASH}'\n", 3, "alice"),
    (f"basic_auth_users:\n  'a:b': '{HASH}'\n", 2, "colon"),
    (f"basic_auth_users:\n  '': '{HASH}'\n", 2, "missing"),
    (f"basic_auth_users:\n  {'a' * 200}: '{HASH}'\n", 2, "name"),
    (f"basic_auth_users:\n  \"a\\tb\": '{HASH}'\n", 2, "control character"),
    ("rate_limit:\n  interval: fast\n", 2, "interval"),
    ("rate_limit:\n  interval: 10\n  burst: 1\n", 2, "interval"),
    ("rate_limit:\n  interval: 2h\n  burst: 1\n", 2, "interval"),
    ("rate_limit:\n  interval: 1s\n", 2, "burst has to be 1 or more"),
    ("rate_limit:\n  interval: 1s\n  burst: 0\n", 2, "burst has to be 1 or more"),
    ("rate_limit:\n  burst: 5\n", 2, "interval is missing"),
    ("rate_limit:\n  interval: 1s\n  burst: many\n", 3, "burst"),
    ("rate_limit:\n  interval: 1s\n  burst: -1\n", 3, "burst"),
    ("rate_limit: 5\n", 1, "rate_limit"),
]


@test
def each_mistake_is_one_sentence_with_its_line(bench):
    files = Files(bench)
    wrong = []
    for text, line, words in MISTAKES:
        path = files.write(text)
        status, errors, everything = run(path)
        if status != 1 or len(errors) != 1 or f'msg="{path}:{line}: ' not in errors[0] or words not in errors[0]:
            wrong.append((text, line, words, status, errors))
        wrong += [(text, "shows a secret", everything) for secret in SECRETS if secret in everything]
    true(not wrong, "\n".join(map(str, wrong)))
    true(len(MISTAKES) >= 40, "there are enough")


@test
def a_file_that_cannot_be_read_is_named(bench):
    folder = bench.folder()
    for path, why in ((folder + "/none.yml", "No such file"), (folder, "")):
        status, errors, _ = run(path)
        equal((status, len(errors)), (1, 1), path)
        true(path in errors[0] and why in errors[0], errors)


TAKEN = [
    "",
    "# nothing\n",
    "tls_server_config:\nhttp_server_config:\nbasic_auth_users:\nrate_limit:\n",
    "basic_auth_users: {}\n",
    "http_server_config: {http2: false, headers: {}}\n",
    "http_server_config:\n  headers:\n    Content-Security-Policy: ''\n    Strict-Transport-Security:\n",
    "rate_limit:\n  interval: 0\n  burst: 20\n",
    "rate_limit:\n  interval: \"1s\"\n  burst: 20\n",
    f"basic_auth_users:\n  alice: {HASH}\n  bob: \"{HASH}\"\n",
    TLS,
    TLS + "  client_auth_type: ''\n  client_ca_file: ''\n  cipher_suites:\n  curve_preferences: []\n",
    TLS + "  client_auth_type: RequireClientCert\n",
    TLS + "  client_auth_type: RequestClientCert\n  client_ca_file: ca.crt\n",
    TLS + "  min_version: TLS13\n  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n",
    TLS + "  prefer_server_cipher_suites: false\n  curve_preferences: [X25519, CurveP256, CurveP384, CurveP521]\n",
]


@test
def what_the_toolkit_takes_is_taken(bench):
    files = Files(bench)
    client = files.authority.context(files.authority.client())
    for text in TAKEN:
        exporter = bench.exporter(f"--web.config.file={files.write(text)}", f"--segment={bench.name()}")
        if "cert_file" in text:
            exporter.context = client
        equal(exporter.ask("/-/healthy").status, 401 if HASH in text else 200, text)
        equal(exporter.stop(), 0, text)


WEAK = {  # what the toolkit takes and serves, and the warning; and whether clients come through: without certificate, with one
    TLS + "  client_auth_type: VerifyClientCertIfGiven\n": ("client_ca_file is missing", (200, None)),
    TLS + "  client_auth_type: RequireAndVerifyClientCert\n": ("client_ca_file is missing", (None, None)),
    f"basic_auth_users:\n  alice: '{HASH.replace('$10$', '$15$')}'\n": ("cost of a hash", (401, 401)),
    f"basic_auth_users:\n  alice: '{HASH.replace('$10$', '$18$')}'\n": ("cost of a hash", (401, 401)),
}


def reached(exporter, context):
    exporter.context = context
    try:
        return exporter.ask("/-/healthy").status
    except (ssl.SSLError, ConnectionError):
        return None


@test
def what_is_weak_is_taken_with_a_warning(bench):
    files = Files(bench)
    for text, (warning, wanted) in WEAK.items():
        exporter = bench.exporter(f"--web.config.file={files.write(text)}", f"--segment={bench.name()}")
        exporter.wait_for_log(f"level=warn.*{warning}")
        contexts = [None, None]
        if "cert_file" in text:
            contexts = [files.authority.context(), files.authority.context(files.authority.client())]
        equal(tuple(reached(exporter, context) for context in contexts), wanted, text)
        equal(exporter.stop(), 0, text)


@test
def the_toolkit_takes_what_is_taken(bench):
    """By its judge in Prometheus 2.42, which does not know rate_limit yet."""
    promtool = shutil.which("promtool")
    if not promtool:
        raise Skip("promtool is not installed")
    files = Files(bench)
    texts = [text for text in TAKEN if "rate_limit" not in text]
    true(len(texts) > 8, "some are left")
    for text in texts:
        done = subprocess.run([promtool, "check", "web-config", files.write(text)], capture_output=True, text=True,
                              check=False)
        equal(done.returncode, 0, f"{text}\n{done.stderr}")


@test
def certificate_and_key_may_be_text(bench):
    files = Files(bench)
    text = (f"tls_server_config:\n  cert: {files.inline('a.crt')}  key: {files.inline('a.key')}"
            f"  client_auth_type: RequestClientCert\n  client_ca: {files.inline('ca.crt')}")
    exporter = bench.exporter(f"--web.config.file={files.write(text)}", f"--segment={bench.name()}")
    exporter.context = files.authority.context()
    equal(exporter.ask("/-/healthy").status, 200)


@test
def files_are_relative_to_the_folder_of_the_configuration(bench):
    files = Files(bench)
    files.write(TLS)
    for path, where in (("web.yml", files.folder), ("./web.yml", files.folder),
                        (os.path.basename(files.folder) + "/web.yml", os.path.dirname(files.folder))):
        exporter = bench.process([os.path.abspath(sys.argv[1]), f"--web.config.file={path}",
                                  "--web.listen-address=127.0.0.1:0"], cwd=where,
                                 stderr=subprocess.PIPE, text=True)
        said = ""
        for said in exporter.stderr:
            if "listening" in said or "level=error" in said:
                break
        true("listening" in said, f"{path} in {where}: {said}")


@test
def http_2_is_said_not_to_be_there(bench):
    files = Files(bench)
    exporter = bench.exporter(f"--web.config.file={files.write('http_server_config: {http2: true}')}",
                              f"--segment={bench.name()}")
    exporter.wait_for_log("level=warn.*HTTP/2")
    equal(exporter.ask("/-/healthy").status, 200)


@test
def doubtful_settings_are_warned_of(bench):
    files = Files(bench)
    for more, words in (("  min_version: TLS11\n", "broken"),
                        ("  client_auth_type: RequireAnyClientCert\n", "RequireAnyClientCert")):
        exporter = bench.exporter(f"--web.config.file={files.write(TLS + more)}", f"--segment={bench.name()}")
        exporter.wait_for_log(f"level=warn.*{words}")


EXPOSED = [
    (TLS, "neither passwords nor verified"),
    (TLS + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.crt\n", "neither passwords nor verified"),
    (TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n", None),
    (TLS + f"basic_auth_users: {{alice: '{HASH}'}}\n", None),
]


@test
def an_address_that_others_can_reach_is_warned_of_with_tls_too(bench):
    files = Files(bench)
    for text, words in EXPOSED:
        exporter = bench.exporter(f"--web.config.file={files.write(text)}", f"--segment={bench.name()}",
                                  "--web.listen-address=0.0.0.0:0")
        equal(exporter.stop(), 0)
        said = [line for line in exporter.log if "other machines" in line]
        equal(len(said), 1 if words else 0, text)
        true(not words or words in said[0], said)


@test
def the_example_is_taken(bench):
    files = Files(bench)
    with open(os.path.join(SOURCE, "deploy", "web.yml"), encoding="utf-8") as file:
        text = file.read()
    for ending in (".crt", ".key"):
        os.link(files.authority.path("a" + ending), files.authority.path("shmeter" + ending))
    os.link(files.authority.cert, files.authority.path("clients-ca.crt"))
    whole = re.sub(r"^  # (?=client_)", "  ", text, flags=re.MULTILINE)
    true(whole != text, "the lines for client certificates were found")
    for variant in (text, whole):
        exporter = bench.exporter(f"--web.config.file={files.write(variant)}", f"--segment={bench.name()}")
        equal(exporter.stop(), 0)
        equal([line for line in exporter.log if "level=warn" in line and "segment" not in line], [])


@test
def the_documents_name_every_key(bench):
    """web.md and the program: each key that is taken is in the document."""
    del bench
    with open(os.path.join(SOURCE, "docs", "web.md"), encoding="utf-8") as file:
        document = file.read()
    keys = []
    for name in ("config.c", "tls.c"):
        with open(os.path.join(SOURCE, "exporter", "settings", "web", name), encoding="utf-8") as file:
            keys += re.findall(r'\{ "([A-Za-z_0-9]+)", \w+, \d \}', file.read())
    true(len(keys) > 18, keys)
    equal([key for key in keys if key not in document], [])


if __name__ == "__main__":
    main()
