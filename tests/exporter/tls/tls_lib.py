"""What the tests of TLS share: an exporter with a certificate, and its clients."""
import contextlib
import ssl

from certs import write


def serve(bench, authority, more="", server=None, options=(), **how):
    """An exporter with a certificate of that authority, and what else is in tls_server_config, line by line."""
    cert, key = server or authority.issue("server")
    lines = [f"cert_file: {cert}", f"key_file: {key}", *more.splitlines()]
    path = write(authority.path("web.yml"), "tls_server_config:\n" + "".join(f"  {line}\n" for line in lines))
    options = [f"--web.config.file={path}", f"--segment={bench.name()}", "--log.level=debug", *options]
    exporter = bench.exporter(*options, **how)
    exporter.context = authority.context()
    return exporter


def status(exporter, context):
    """The status of an answer, or None: the client was refused."""
    exporter.context = context
    try:
        return exporter.ask("/-/healthy").status
    except (ssl.SSLError, ConnectionError):
        return None


def served_serial(exporter, context):
    """The serial number of the certificate that a new connection gets."""
    with contextlib.closing(exporter.connection()) as connection:
        connection.connect()
        return connection.sock.getpeercert()["serialNumber"]


def tls(bench, exporter, context):
    plug = context.wrap_socket(bench.connect(exporter), server_hostname="localhost")
    bench.callback(plug.close)
    return plug
