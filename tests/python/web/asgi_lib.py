"""Applications that the tests of the ASGI middleware ask."""
import shmeter.asgi
from fastapi import APIRouter, FastAPI, HTTPException, Request


def shop(counted, **options):
    app = FastAPI(**options)
    app.add_middleware(shmeter.asgi.Middleware, **counted.options)

    @app.get("/items/{item_id}")
    async def item(item_id: int):
        return {"item": item_id}

    @app.post("/items")
    async def make(request: Request):
        return {"bytes": len(await request.body())}

    @app.get("/fail")
    async def fail():
        raise RuntimeError("on purpose")

    @app.get("/teapot")
    async def teapot():
        raise HTTPException(418)

    @app.get("/files/{path:path}")
    async def files(path: str):
        return path

    router = APIRouter(prefix="/users")

    @router.get("/{name}/posts/{post}")
    async def post(name: str, post: str):
        return [name, post]
    app.include_router(router, prefix="/api")
    return app


async def plain_app(scope, receive, send):
    missing = scope["path"].startswith("/none")
    await send({"type": "http.response.start", "status": 404 if missing else 200, "headers": []})
    await send({"type": "http.response.body", "body": b"plain"})
