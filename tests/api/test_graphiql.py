"""GraphiQL comes from this server alone."""

import re
from collections.abc import AsyncGenerator

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from app import graphiql


@pytest_asyncio.fixture
async def browser() -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=graphiql.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        yield client


async def test_page_and_all_that_it_names_are_served_here(browser: httpx.AsyncClient):
    page = await browser.get("/graphiql")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) == 9
    for address in named:
        if address != "data:,":
            assert address.startswith("/graphiql/assets/")
            asset = await browser.get(address)
            assert asset.status_code == 200
            assert asset.headers["x-content-type-options"] == "nosniff"


async def test_policy_lets_the_page_reach_no_other_server(browser: httpx.AsyncClient):
    policy = (await browser.get("/graphiql")).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy
    assert "http" not in policy


async def test_page_has_no_script_of_its_own_that_the_policy_would_stop(browser: httpx.AsyncClient):
    page = (await browser.get("/graphiql")).text
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert "<style" not in page


async def test_files_may_be_kept_and_are_asked_for_by_tag(browser: httpx.AsyncClient):
    asset = await browser.get("/graphiql/assets/graphiql.min.js")
    assert asset.headers["cache-control"] == "public, max-age=86400"
    again = await browser.get("/graphiql/assets/graphiql.min.js", headers={"if-none-match": asset.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("name", ["", "../page.html", "..%2fpage.html", "%2e%2e/__init__.py", "nothing.js"])
async def test_nothing_else_is_served(browser: httpx.AsyncClient, name: str):
    assert (await browser.get(f"/graphiql/assets/{name}")).status_code == 404


async def test_licences_come_with_the_files(browser: httpx.AsyncClient):
    text = (await browser.get("/graphiql/assets/LICENSES.txt")).text
    for name in ("react", "graphiql", "codemirror", "markdown-it", "Fira Code", "Roboto"):
        assert name in text


async def test_page_is_for_reading(browser: httpx.AsyncClient):
    assert (await browser.post("/graphiql")).status_code == 405
