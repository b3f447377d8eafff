"""A bucket that speaks enough of S3 for obstore: objects are put, got and deleted, and what is sent is kept."""

import asyncio
import re
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


@dataclass
class Bucket:
    """Objects by path. `broken`: it answers everything with 503, which clients may try again."""

    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    signed: list[bool] = field(default_factory=list)
    broken: bool = False

    async def answer(self, request: Request) -> Response:
        self.signed.append("AWS4-HMAC-SHA256" in request.headers.get("authorization", ""))
        path = request.url.path
        if self.broken:
            return Response(status_code=503)
        if request.method == "PUT":
            self.objects[path] = (await request.body(), request.headers.get("content-type", ""))
            return Response(headers={"etag": '"1"'})
        if request.method == "POST":  # DeleteObjects
            keys = re.findall("<Key>(.*?)</Key>", (await request.body()).decode())
            for key in keys:
                self.objects.pop(f"{path.rstrip('/')}/{key}", None)
            deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            return Response(f"<DeleteResult>{deleted}</DeleteResult>", media_type="application/xml")
        if path not in self.objects:
            return Response("<Error><Code>NoSuchKey</Code></Error>", 404, media_type="application/xml")
        if request.method == "DELETE":
            del self.objects[path]
            return Response(status_code=204)
        content, kind = self.objects[path]
        return Response(
            content, headers={"etag": '"1"', "last-modified": "Sun, 01 Mar 2026 12:00:00 GMT"}, media_type=kind
        )


@asynccontextmanager
async def bucket_server() -> AsyncGenerator[tuple[Bucket, str]]:
    """A bucket on this machine, and its endpoint."""
    bucket = Bucket()
    app = Starlette(routes=[Route("/{path:path}", bucket.answer, methods=["GET", "HEAD", "PUT", "POST", "DELETE"])])
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        yield bucket, f"http://127.0.0.1:{bound.getsockname()[1]}"
        server.should_exit = True
        await serving
