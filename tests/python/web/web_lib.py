"""What the tests of the middleware share: applications called as a server calls them, and what was counted."""
import asyncio

from lib import equal
from shmeter.prometheus import CollectorRegistry


def scope_of(method="GET", path="/", headers=(), root_path="", type_="http"):
    scope = {"type": type_, "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "path": path,
             "raw_path": path.encode(),
             "query_string": b"", "root_path": root_path, "headers": [(b"host", b"test"), *headers],
             "client": ("127.0.0.1", 1),
             "server": ("127.0.0.1", 80)}
    if type_ == "http":
        scope["method"] = method
    return scope


class Client:
    """A client of an ASGI application: what it sends to it, and the messages that came back."""

    def __init__(self, app, messages=None, **scope):
        self.app, self.scope, self.sent = app, scope_of(**scope), []
        self.messages = [{"type": "http.request", "body": b"",
                          "more_body": False}] if messages is None else list(messages)

    async def receive(self):
        if self.messages:
            return self.messages.pop(0)
        return {"type": "websocket.disconnect",
                "code": 1000} if self.scope["type"] == "websocket" else {"type": "http.disconnect"}

    async def send(self, message):
        self.sent.append(message)

    async def call(self):
        await self.app(self.scope, self.receive, self.send)
        return self

    @property
    def status(self):
        return self.sent[0]["status"]

    @property
    def body(self):
        return b"".join(message.get("body", b"") for message in self.sent)


def ask(app, messages=None, **scope):
    return asyncio.run(Client(app, messages, **scope).call())


class Counted:
    """A registry for one test, and what its metrics say."""

    def __init__(self, prefix):
        self.prefix, self.registry = prefix, CollectorRegistry(shared=True)
        self.options = {"prefix": prefix, "registry": self.registry}

    def samples(self, name):
        """(label values but le) -> value, of samples that are not 0."""
        full = f"{self.prefix}_http_{name}"
        found = {}
        for family in self.registry.collect():
            for sample in family.samples:
                if sample.name == full and sample.value:
                    found[tuple(sample.labels.values())] = sample.value
        return found

    def requests(self, wanted):
        equal(self.samples("requests_total"), wanted, "requests")
        durations = {}
        for (method, endpoint, _), n in wanted.items():
            durations[method, endpoint] = durations.get((method, endpoint), 0) + n
        equal(self.samples("request_duration_seconds_count"), durations, "durations")
        equal(self.samples("requests_in_progress"), {}, "in progress")
