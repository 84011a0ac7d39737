"""Certificates for tests, made by openssl in a folder of the test, and hashes of passwords."""
import os
import ssl
import subprocess


class Authority:
    """A CA in a folder of its own, and what it signs."""

    def __init__(self, folder, name="ca", days=30):
        self.folder, self.name = folder, name
        self.cert = self.path(name + ".crt")
        self.make_request(name, name)
        self.sign(name, days, ["basicConstraints=critical,CA:TRUE"], own=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def openssl(self, *arguments):
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(done.stderr)

    def make_request(self, name, common_name, key="ec"):
        kind = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}[key]
        self.openssl("req", "-new", "-newkey", *kind, "-nodes", "-keyout", name + ".key", "-out", name + ".csr",
                     "-subj", "/CN=" + common_name)

    def sign(self, name, days, extensions, own=False):
        with open(self.path(name + ".ext"), "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in extensions))
        signer = ["-signkey", name + ".key"] if own else ["-CA", self.name + ".crt", "-CAkey", self.name + ".key",
                                                          "-CAcreateserial"]
        # x509 -days takes negative numbers for certificates that have expired.
        self.openssl("x509", "-req", "-in", name + ".csr", *signer, "-days", str(days), "-extfile", name + ".ext",
                     "-out", name + ".crt")

    def issue(self, name, key="ec", days=30, sans="DNS:localhost,IP:127.0.0.1", usage="serverAuth", common_name=None):
        """Makes NAME.crt and NAME.key; returns their paths."""
        self.make_request(name, common_name or name, key)
        self.sign(name, days, [f"subjectAltName={sans}", f"extendedKeyUsage={usage}"])
        return self.path(name + ".crt"), self.path(name + ".key")

    def client(self, name="client", days=30, sans="DNS:client.example", usage="clientAuth"):
        return self.issue(name, days=days, sans=sans, usage=usage)

    def context(self, pair=None):
        """What a client of ours trusts and shows."""
        context = ssl.create_default_context(cafile=self.cert)
        if pair:
            context.load_cert_chain(*pair)
        return context


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def replace(source, target):
    """As those do who renew certificates: a new file is renamed over the old one."""
    with open(source, "rb") as file:
        content = file.read()
    with open(target + ".new", "wb") as file:
        file.write(content)
    os.rename(target + ".new", target)


def hashed(password, cost=5):
    done = subprocess.run(["htpasswd", "-niBC", str(cost), "x"], input=password.encode(), capture_output=True,
                          check=True)
    return done.stdout.decode().strip().split(":", 1)[1]
