"""GraphiQL for developers, from this server's own files: it needs no network, and its policy lets it reach no other."""

import os
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

HERE = Path(__file__).resolve().parent
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
# The editor inserts style elements, and its style sheet has the fonts within.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Assets(StaticFiles):
    """The files of the page, to be asked for again only after a day."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update({**SECURITY_HEADERS, "cache-control": "public, max-age=86400"})
        return response


def routes(*, page: str = "/graphiql", endpoint: str = "/graphql") -> list[BaseRoute]:
    """The page at `page` and its files below, for the GraphQL endpoint of this server at `endpoint`."""
    html = (HERE / "page.html").read_text("utf-8").replace("{base}", page).replace("{endpoint}", endpoint)
    headers = {**SECURITY_HEADERS, "cache-control": "no-cache", "content-security-policy": POLICY}

    async def show(_: Request) -> Response:
        return HTMLResponse(html, headers=headers)

    return [Route(page, show, methods=["GET"]), Mount(f"{page}/assets", Assets(directory=HERE / "assets"))]
