"""The shop's reads against routes written by hand, and against its own reference way, taken in turns.

`make bench`, or `python -m benchmarks.run --help`.
"""

import argparse
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson

from benchmarks import guard, report, writes
from benchmarks.cart import CART
from benchmarks.documents import CASES, CATALOGUE, DETAIL, Case
from benchmarks.load import Generator, Target, ask
from benchmarks.order import ORDER_CASE
from benchmarks.processes import cpu_nanoseconds, database_processes, serving
from benchmarks.report import Measured, Row
from benchmarks.shop import CUSTOMERS, Shop, post, say, shop, sign_in
from benchmarks.sign_ins import interference
from benchmarks.ways import WAYS
from benchmarks.writes import WriteRow

CONNECTIONS = (1, 16, 64)
RARELY = 4
"""In one of so many rounds the reference way is measured too: it is compared with nothing that is near to it."""

WRITES = (CART, ORDER_CASE)


def main() -> None:
    options = arguments()
    with ExitStack() as stack:
        running = stack.enter_context(shop(options.products, options.home))
        servers = {way: stack.enter_context(serving(way, running.environment)) for way in WAYS}
        generators = stack.enter_context(Generator()), stack.enter_context(Generator())
        port = servers["compiled"][1]
        tokens = [signed_in(port, email) for email in CUSTOMERS]
        rows = list(measure(options, running, servers, tokens, generators[0]))
        say("product pages beside sign-ins")
        reading = Target(port, requests(DETAIL, "compiled", running, tokens))
        signing_in = Target(port, tuple(map(sign_in, CUSTOMERS)))
        waits = interference(reading, signing_in, options.seconds * 6, max(1, options.rounds // 6), generators)
        guarded = guard.table(running, max(1, options.rounds // 2))
        written = writes.table(list(measure_writes(options, servers, generators[0])))
    text = f"{report.tables(rows, waits)}\n\n{guarded}\n\n{written}"
    print(f"\n{text}")
    if options.write:
        report.write(text, f"make bench{' ARGS=' + shlex.quote(' '.join(sys.argv[1:])) if sys.argv[1:] else ''}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short look: eight short rounds")
    parser.add_argument("--rounds", type=int, default=80, help="rounds of one slice for each way")
    parser.add_argument("--seconds", type=float, default=0.25, help="length of a slice")
    parser.add_argument("--products", type=int, default=1000, help="size of the shop")
    parser.add_argument("--home", type=Path, help="keep the shop's data here, and use what is there")
    parser.add_argument("--case", choices=[case.name for case in CASES], help="measure this case alone")
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 8, 0.2
    return options


def measure(
    options: argparse.Namespace,
    running: Shop,
    servers: dict[str, tuple[int, int]],
    tokens: list[str],
    generator: Generator,
) -> Iterator[Row]:
    """A row for each case and number of connections."""
    chosen = [case for case in CASES if options.case in {None, case.name}]
    for case in chosen:
        targets = {way: Target(port, requests(case, way, running, tokens)) for way, (_, port) in servers.items()}
        check_equal(case, targets)
        for target in targets.values():
            generator.closed(target, max(CONNECTIONS), options.seconds).result()
        for connections in CONNECTIONS:
            say(f"{case.name}, {connections} connections: {options.rounds} rounds")
            rounds = [
                one_round(in_turn(targets, number), servers, running, generator, (connections, options.seconds))
                for number in range(options.rounds)
            ]
            yield Row(case, connections, rounds)


def measure_writes(
    options: argparse.Namespace, servers: dict[str, tuple[int, int]], generator: Generator
) -> Iterator[WriteRow]:
    """A row for each write."""
    ports = {way: port for way, (_, port) in servers.items()}
    rounds = max(1, options.rounds // 2)
    say(f"writes: {rounds} rounds")
    return writes.measure(WRITES, ports, generator, rounds, options.seconds * 2)


def in_turn(targets: dict[str, Target], number: int) -> dict[str, Target]:
    """The ways of this round: those that are compared side by side, each as often before the other."""
    compared = [way for way in targets if way != "reference"]
    ways = compared[::-1] if number % 2 else compared
    if number % RARELY == 0:
        ways.append("reference")
    return {way: targets[way] for way in ways}


def one_round(
    targets: dict[str, Target],
    servers: dict[str, tuple[int, int]],
    running: Shop,
    generator: Generator,
    load: tuple[int, float],
) -> dict[str, Measured]:
    """A slice of each way, one after the other."""
    found = {}
    for way, target in targets.items():
        database = database_processes(running.settings)
        server = [servers[way][0]]
        before = cpu_nanoseconds(server), cpu_nanoseconds(database)
        taken = generator.closed(target, *load).result()
        after = cpu_nanoseconds(server), cpu_nanoseconds(database)
        found[way] = Measured(taken, after[0] - before[0], after[1] - before[1])
    return found


# ---- requests


def requests(case: Case, way: str, running: Shop, tokens: list[str]) -> tuple[bytes, ...]:
    """What is asked in turn, and in the same order of every way."""
    if case is CATALOGUE:
        asked: list[tuple[dict[str, Any], str | None]] = [(variables, None) for variables in case.variables]
    elif case is DETAIL:
        asked = [({"slug": slug}, None) for slug in running.slugs]
    else:
        asked = [({}, token) for token in tokens]
    if way == "bare":
        return tuple(post(f"/{case.name}", variables, token) for variables, token in asked)
    return tuple(
        post("/graphql", {"query": case.document, "variables": variables}, token) for variables, token in asked
    )


def check_equal(case: Case, targets: dict[str, Target]) -> None:
    """Stops unless all ways give the same bytes."""
    for asked in zip(*(target.requests for target in targets.values()), strict=True):
        answers = [ask(target.port, request) for target, request in zip(targets.values(), asked, strict=True)]
        if len(set(answers)) != 1:
            different = dict(zip(targets, answers, strict=True))
            raise SystemExit(
                f"{case.name}: the answers differ\n" + "\n".join(f"{w}: {b!r}" for w, b in different.items())
            )


def signed_in(port: int, email: str) -> str:
    """The token of a new session."""
    payload = orjson.loads(ask(port, sign_in(email)))["data"]["signIn"]
    if payload["session"] is None:
        raise SystemExit(f"{email} cannot sign in: {payload['userErrors']}")
    return payload["session"]["token"]


if __name__ == "__main__":
    main()
