"""Requests to an example pool, with exact counts of the requests begun and the answers seen.

It knows HTTP and the pool's paths, and no metrics.
"""
import collections
import http.client
import itertools
import random
import threading

# How often, method, path, and what the pool is to make of it: route and status. This is what examples/pool/pool.c
# serves.
POOL_MIX = (
    (40, "GET", "/", "/", "200"),
    (35, "GET", "/items/{}", "/items/{{id}}", "200"),
    (5, "HEAD", "/items/{}", "/items/{{id}}", "200"),
    (8, "GET", "/slow", "/slow", "200"),
    (6, "GET", "/fail", "/fail", "500"),
    (4, "GET", "/no/such/page", "unmatched", "404"),
    (2, "POST", "/", "unmatched", "405"),
)


class Client(threading.Thread):
    """One keep-alive connection, one request at a time; after a broken connection, a new one."""

    def __init__(self, port, number, requests_n, stopping, pause, mix):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.random = random.Random(number)
        self.requests_n, self.stopping, self.pause = requests_n, stopping, pause
        self.mix, self.weights = mix, [entry[0] for entry in mix]
        self.begun = collections.Counter()  # by (method, route, status)
        self.answered = collections.Counter()
        self.unexpected = []

    def run(self):
        for _ in range(self.requests_n) if self.requests_n else itertools.repeat(None):
            if self.stopping.wait(self.pause) if self.pause else self.stopping.is_set():
                break
            self.exchange()
        self.connection.close()

    def exchange(self):
        _, method, path, route, status = self.random.choices(self.mix, self.weights)[0]
        series = (method, route.format(), status)
        self.begun[series] += 1
        try:
            self.connection.request(method, path.format(self.random.randrange(10**6)))
            response = self.connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()  # the next request opens it again
            return
        if str(response.status) == status:
            self.answered[series] += 1
        else:
            self.unexpected.append(f"{method} {route}: {response.status} instead of {status}")


class Load:
    """Several clients at once. Give each requests_n to stop by itself, or call stop()."""

    def __init__(self, port, clients_n, requests_n=None, pause=0.0, mix=None):
        self.stopping = threading.Event()
        self.clients = [Client(port, i, requests_n, self.stopping, pause, mix or POOL_MIX) for i in range(clients_n)]
        for client in self.clients:
            client.start()

    def begun(self):
        """Requests begun so far, by (method, route, status)."""
        return sum((client.begun.copy() for client in self.clients), collections.Counter())

    def answered(self):
        """Answers seen so far, likewise."""
        return sum((client.answered.copy() for client in self.clients), collections.Counter())

    def unexpected(self):
        """Answers with another status than they should have, in words."""
        return [text for client in self.clients for text in client.unexpected]

    def wait(self):
        for client in self.clients:
            client.join()

    def stop(self):
        self.stopping.set()
        self.wait()
