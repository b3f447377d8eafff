"""Uploaded pictures, to be kept for ever: what lies under a name never changes."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from commerce.pictures import MEDIA_TYPES
from gateways.storage import Storage, StorageFailed, is_name

FOREVER = "public, max-age=31536000, immutable"
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    # Web shops of other origins show them.
    "cross-origin-resource-policy": "cross-origin",
    "access-control-allow-origin": "*",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}
ABSENT_HEADERS = {**SECURITY_HEADERS, "cache-control": "no-store"}


def routes(storage: Storage) -> list[BaseRoute]:
    """`/media/…`: files of the shop's storage, by their random names alone."""

    async def show(request: Request) -> Response:
        name = request.path_params["name"]
        kind = MEDIA_TYPES.get(name.rpartition(".")[2])
        if kind is None or not is_name(name):
            return Response(status_code=HTTPStatus.NOT_FOUND, headers=ABSENT_HEADERS)
        tag = f'"{name}"'
        headers = {**SECURITY_HEADERS, "cache-control": FOREVER, "etag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        try:
            content = await storage.get(name)
        except StorageFailed:
            return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers=ABSENT_HEADERS)
        if content is None:
            return Response(status_code=HTTPStatus.NOT_FOUND, headers=ABSENT_HEADERS)
        return Response(content, headers=headers, media_type=kind)

    return [Route("/media/{name}", show, methods=["GET"])]
