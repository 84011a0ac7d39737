"""What the middleware adds to a request of the example application, called as a server calls it. Usage: middleware.py
MODULE PREFIX"""
import asyncio
import os
import statistics
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/fastapi"))
from app import app  # noqa: E402
from clock import put  # noqa: E402

REQUESTS = 400
ROUNDS = 25

SCOPE = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET",
         "scheme": "http",
         "path": "/items/7", "raw_path": b"/items/7", "query_string": b"", "root_path": "",
         "headers": [(b"host", b"localhost")],
         "client": ("127.0.0.1", 50000), "server": ("127.0.0.1", 80)}


async def receive():
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(_message):
    pass


async def requests(application):
    """ns of CPU time for each."""
    start = time.thread_time_ns()
    for _ in range(REQUESTS):
        await application(dict(SCOPE), receive, send)
    return (time.thread_time_ns() - start) / REQUESTS


async def measure():
    """(without, with): both in turn, so that both see the same machine."""
    with_it = app.build_middleware_stack()
    app.user_middleware.clear()
    without = app.build_middleware_stack()
    for application in (without, with_it):
        await requests(application)
    pairs = [(await requests(without), await requests(with_it)) for _ in range(ROUNDS)]
    return statistics.median(one for one, _ in pairs), statistics.median(other - one for one, other in pairs)


def main():
    without, more = asyncio.run(measure())
    put(f"{sys.argv[2]}-request", without)
    put(f"{sys.argv[2]}-middleware", more)


if __name__ == "__main__":
    main()
