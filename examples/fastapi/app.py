"""A small shop: a FastAPI application whose requests and own numbers are the same in all of its worker processes.

Run by gunicorn (examples/fastapi/run shows it), or by: uvicorn app:app --workers 4
"""
import asyncio
import contextlib
import random

from fastapi import FastAPI, HTTPException, Response

import shmeter.asgi
from shmeter.prometheus import Counter, Gauge, Histogram, Info, make_asgi_app

ORDERS = Counter("shop_orders_total", "Orders taken.", ["payment"])
ORDER_VALUE = Histogram("shop_order_value_euros", "What orders are worth.", buckets=(5, 20, 50, 100, 500))
CARTS = Gauge("shop_carts_open", "Carts that are being filled.")
Info("shop_build", "What runs here.").info({"version": "1.4.2"})


@contextlib.contextmanager
def cart():
    """A cart while it is filled. When its worker is killed, it is not counted any more."""
    with CARTS.track_inprogress():
        yield


app = FastAPI()
app.add_middleware(shmeter.asgi.Middleware, prefix="shop")
app.mount("/metrics", make_asgi_app())  # the numbers of all workers, whichever of them answers


@app.get("/")
async def front_page():
    return {"shop": "open"}


@app.api_route("/items/{item_id}", methods=["GET", "HEAD"])
async def item(item_id: int):
    return {"item": item_id}


@app.get("/slow")
async def slow():
    with cart():
        await asyncio.sleep(0.005)
    return {"slow": True}


@app.get("/fail")
async def fail():
    raise HTTPException(500, "on purpose")


@app.post("/orders")
async def order(response: Response):
    with cart():
        payment, euros = random.choice(("card", "cash")), random.randrange(1, 200)
        ORDERS.labels(payment).inc()
        ORDER_VALUE.observe(euros)
    response.status_code = 201
    return {"payment": payment, "euros": euros}
