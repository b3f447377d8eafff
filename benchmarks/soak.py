"""A million mixed requests at one server process, watching its memory.

`make soak`, or `python -m benchmarks.soak --help`. Exits 1 where the process grows beyond the bound.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import orjson

from benchmarks.documents import CATALOGUE, DETAIL, ME
from benchmarks.processes import resident_bytes, serving
from benchmarks.shop import CUSTOMERS, Shop, post, say, shop, sign_in

BOUND = 250 * 2**20
LEAVES = ("id", "slug", "name", "description", "available", "customMade", "createdAt", "audience")


def main() -> None:
    options = arguments()
    with shop(options.products, options.home) as running, serving("compiled", running.environment) as (pid, port):
        say(f"{options.requests} requests; the process holds {resident_bytes(pid) >> 20} MiB")
        highest = asyncio.run(soak(running, port, pid, options))
    print(f"highest: {highest >> 20} MiB of {BOUND >> 20} MiB")
    sys.exit(highest > BOUND)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--products", type=int, default=200, help="size of the shop")
    parser.add_argument("--home", type=Path, help="keep the shop's data here, and use what is there")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


async def soak(running: Shop, port: int, pid: int, options: argparse.Namespace) -> int:
    """Sends all the requests and gives the most memory that was seen, in bytes."""
    tokens = [await signed_in(port, email) for email in CUSTOMERS]
    left = iter(range(options.requests))
    done, highest, begun = [0], [0], time.monotonic()

    async def call(number: int) -> None:
        requests = mixed(random.Random(options.seed * 1000 + number), running, tokens)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in left:
            writer.write(next(requests))
            status = await answer(reader)
            if status >= 500:
                raise SystemExit(f"the server answered {status}")
            done[0] += 1
            if done[0] % max(1, options.requests // 20) == 0:
                held = resident_bytes(pid)
                highest[0] = max(highest[0], held)
                rate = done[0] / (time.monotonic() - begun)
                say(f"{done[0]:>9} requests, {rate:.0f} a second, {held >> 20} MiB")
        writer.close()

    await asyncio.gather(*map(call, range(options.connections)))
    return highest[0]


async def signed_in(port: int, email: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sign_in(email))
    head = await reader.readuntil(b"\r\n\r\n")
    body = orjson.loads(await reader.readexactly(length(head)))
    writer.close()
    return body["data"]["signIn"]["session"]["token"]


async def answer(reader: asyncio.StreamReader) -> int:
    """Reads a response; gives its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(length(head))
    return int(head.split(b" ", 2)[1])


def length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])


def mixed(rng: random.Random, running: Shop, tokens: list[str]) -> Iterator[bytes]:
    """What web shops and strangers send: known documents, ever new ones, mistakes, signing in."""
    while True:
        kind = rng.random()
        if kind < 0.25:
            yield post("/graphql", {"query": CATALOGUE.document, "variables": {"first": rng.randint(1, 12)}})
        elif kind < 0.5:
            yield post("/graphql", {"query": DETAIL.document, "variables": {"slug": rng.choice(running.slugs)}})
        elif kind < 0.65:
            yield post("/graphql", {"query": ME.document}, rng.choice(tokens))
        elif kind < 0.85:
            yield post("/graphql", {"query": novel(rng)}, rng.choice([None, rng.choice(tokens)]))
        elif kind < 0.92:
            yield get(f"/graphql?query={quote(novel(rng))}")
        elif kind < 0.995:
            yield mistake(rng)
        else:
            yield sign_in(rng.choice(CUSTOMERS))


def novel(rng: random.Random) -> str:
    """A document that nobody sent before."""
    fields = " ".join(f"a{rng.getrandbits(40)}: {leaf}" for leaf in rng.sample(LEAVES, rng.randint(1, 5)))
    return f"{{ products(first: {rng.randint(1, 5)}) {{ edges {{ node {{ {fields} variants {{ sku }} }} }} }} }}"


def mistake(rng: random.Random) -> bytes:
    return rng.choice(
        [
            post("/graphql", {"query": f"{{ no{rng.getrandbits(40)} }}"}),
            post("/graphql", {"query": "{ products(first: 1000000) { totalCount } }"}),
            post("/graphql", {"query": "{ products(", "variables": {}}),
            post("/graphql", {"query": ME.document}, "lys_" + "0" * 39),
            post("/graphql", {"query": f'{{ order(id: "ord_{rng.getrandbits(128):032x}") {{ number }} }}'}),
        ]
    )


def get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()


if __name__ == "__main__":
    main()
