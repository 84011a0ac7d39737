"""A gateway that notes what it is sent, on a free port of this host."""
import contextlib
import http.server
import threading


class Gateway(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()},
                                 body))
        status, headers = self.server.answers.get(self.path, (200, {}))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_PUT = do_POST = do_DELETE = answer

    def log_message(self, *arguments):
        """Says nothing."""


class Server(http.server.HTTPServer):
    def handle_error(self, request, client_address):
        """A client that is refused is what a test looks at from its own side."""


@contextlib.contextmanager
def gateway(answers=(), tls=None):
    """A server whose answers are {path: (status, headers)}, else 200. What it has seen is in seen: (method, path,
    headers, body)."""
    server = Server(("127.0.0.1", 0), Gateway)
    server.seen, server.answers = [], dict(answers)
    server.place = f"127.0.0.1:{server.server_port}"
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
