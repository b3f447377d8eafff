"""The shop's own commands, `serve` and `worker`, in processes that are killed with -9 at a named step.

Run as `python -m tests.support.mortal_shop HOME`, it starts a command for each line that it reads, in a process of its
own, and tells its number; or waits for the end of one. They are forked, as importing everything takes longest. Nothing
of the shop is another but that each step asks `Fates` whether to die there, and that the gateway is quicker.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from app import asgi, cli, connections, preparation, serving, worker
from app.settings import ROOT
from commerce import order_cancelling, placing
from gateways.payments import Charged, ChargeRequest
from gateways.payments.local import LocalGateway
from models.database import Database
from tests.embedded.commands import OPENED, environment, said
from tests.embedded.programs import kill, postmaster_of

T = TypeVar("T")

DELAY = 0.2
"""Seconds in place of the gateway's two."""

SELF, POSTMASTER = "SELF", "POSTMASTER"
PLACING, CANCELLING, CONTINUING = "order.place", "order.cancel", "order.continue"
"""What a server does, beside the jobs, which go by their kind."""

ENDING = 20.0
ALIVE = 256
KILLED = -signal.SIGKILL


class Death(NamedTuple):
    """Who dies at which step: IN or AFTER the transaction `at` of what is done, the first being 1, or when the GATEWAY
    has done so many things for it, before anybody hears of it. It happens to the `turn`-th that comes so far.

    `victim` is SELF, the process that does it, or the POSTMASTER.
    """

    doing: str
    moment: str
    at: int = 1
    turn: int = 1
    victim: str = SELF

    def strikes(self, doing: str, moment: str, at: int) -> bool:
        return (self.doing, self.moment, self.at) == (doing, moment, at)


@dataclass(slots=True)
class _Doing:
    """What the task at hand does, and how far it is."""

    name: str
    transactions: int = 0
    asked: int = 0


_doing: ContextVar[_Doing | None] = ContextVar("doing", default=None)


@dataclass(slots=True)
class Fates:
    """Kills whoever comes to the step that is written in a file of the home."""

    home: Path
    _arrived: Counter[Death] = field(default_factory=Counter)

    def reached(self, doing: _Doing | None, moment: str, at: int) -> None:
        death = self._death()
        if doing is None or death is None or not death.strikes(doing.name, moment, at):
            return
        self._arrived[death] += 1
        if self._arrived[death] == death.turn:
            kill(os.getpid() if death.victim == SELF else postmaster_of(self.home))

    def await_within(self, doing: _Doing | None) -> bool:
        """Whether somebody may die in the next transaction."""
        death = self._death()
        if doing is None or death is None:
            return False
        return death.strikes(doing.name, "IN", doing.transactions + 1)

    def _death(self) -> Death | None:
        try:
            return Death(*json.loads(_written(self.home).read_text()))
        except FileNotFoundError:
            return None


def _written(home: Path) -> Path:
    return home.parent / "death.json"


def fated(home: Path, death: Death | None) -> None:
    """Decides who dies next on this home; nobody if it is None."""
    if death is None:
        _written(home).unlink(missing_ok=True)
        return
    draft = _written(home).with_suffix(".draft")
    draft.write_text(json.dumps(death))
    draft.rename(_written(home))


# ---- in the processes


class MortalDatabase(Database):
    """Dies in or after one of its transactions."""

    fates: Fates

    async def transact(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        return await self._mortal(super().transact, work)

    async def at_once(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Its one statement is committed before anybody could die in it, unless it is in a transaction."""
        dies_within = self.fates.await_within(_doing.get())
        return await self._mortal(super().transact if dies_within else super().at_once, work)

    async def _mortal(self, run: Callable[..., Awaitable[T]], work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        step = 0

        async def until_the_commit(transaction: AsyncConnection) -> T:
            nonlocal step
            outcome = await work(transaction)
            doing = _doing.get()
            if doing is not None:
                step = step or doing.transactions + 1
                doing.transactions = step
                self.fates.reached(doing, "IN", step)
            return outcome

        outcome = await run(until_the_commit)
        self.fates.reached(_doing.get(), "AFTER", step)
        return outcome


class MortalGateway(LocalGateway):
    """Dies when it has done something, before it says so."""

    fates: Fates

    async def charge(self, request: ChargeRequest) -> Charged:
        try:
            return await super().charge(request)
        finally:
            self._done()

    async def void(self, charge_id: Any, **more: Any) -> Any:
        answer = await super().void(charge_id, **more)
        self._done()
        return answer

    async def resume(self, charge_id: Any, **more: Any) -> Any:
        answer = await super().resume(charge_id, **more)
        self._done()
        return answer

    async def refund(self, *given: Any, **more: Any) -> Any:
        answer = await super().refund(*given, **more)
        self._done()
        return answer

    def _done(self) -> None:
        doing = _doing.get()
        if doing is not None:
            doing.asked += 1
            self.fates.reached(doing, "GATEWAY", doing.asked)


def _known_as(name: str, function: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    """The function, with its steps counted under this name from now on."""

    @wraps(function)
    async def counted(*given: Any, **more: Any) -> T:
        _doing.set(_Doing(name))
        return await function(*given, **more)

    return counted


def _make_mortal(patch: pytest.MonkeyPatch, fates: Fates) -> None:
    MortalDatabase.fates = MortalGateway.fates = fates
    for opener in (asgi, connections):
        patch.setattr(opener, "Database", MortalDatabase)
    patch.setattr(connections, "LocalGateway", partial(MortalGateway, delay=DELAY))
    for module, name, known in (
        (placing, "place", PLACING),
        (placing, "carry_on", CONTINUING),
        (order_cancelling, "cancel", CANCELLING),
    ):
        patch.setattr(module, name, _known_as(known, getattr(module, name)))
    patch.setattr(worker, "HANDLERS", {kind: _known_as(kind, work) for kind, work in worker.HANDLERS.items()})
    periodic = [replace(one, function=_known_as(one.name, one.function)) for one in worker.PERIODIC]
    patch.setattr(worker, "PERIODIC", periodic)


LOADED = (preparation, serving)
"""What commands load when they are given: here it is there before."""


def _main(home: Path) -> None:
    running = set()
    with pytest.MonkeyPatch.context() as patch:
        _make_mortal(patch, Fates(home))
        for line in sys.stdin:
            order = json.loads(line)
            if "wait" in order:
                _tell(_end_of(order["wait"]))
                continue
            child = os.fork()
            if child == 0:
                _become(Path(order["log"]), order["command"])
            running.add(child)
            _tell(child)
    for child in running:
        kill(child)


def _tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _end_of(child: int) -> int:
    """How a process has ended; ALIVE where it does not for long."""
    deadline = time.monotonic() + ENDING
    while time.monotonic() < deadline:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    return ALIVE


def _become(log: Path, command: list[str]) -> None:
    """Is the command from here on."""
    nowhere, output = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in enumerate((nowhere, output, output)):
        os.dup2(source, target)
    sys.argv = ["layette", *command]
    try:
        cli.main()
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))
    finally:
        os._exit(1)


# ---- in the test


@dataclass(frozen=True, slots=True)
class Mortals:
    """Starts commands on a home, with what they say in files of `folder`."""

    process: "subprocess.Popen[str]"
    folder: Path
    _running: dict[int, Path] = field(default_factory=dict)

    def start(self, *command: str) -> int:
        """Starts `python -m app` with this command; answers the number of its process."""
        log = self.folder / f"{command[0]}-{len(self._running)}.log"
        pid = self._told(command=command, log=str(log))
        self._running[pid] = log
        return pid

    def address(self, pid: int) -> str:
        """Where a server is open, once it is."""
        return said(self._running[pid], OPENED)[1]

    def ended(self, pid: int) -> int:
        """Waits for a process to end: its status, or minus the number of the signal that killed it; ALIVE if not."""
        return self._told(wait=pid)

    def kill(self, pid: int) -> None:
        kill(pid)
        assert self.ended(pid) == KILLED

    def _told(self, **order: Any) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextmanager
def mortals(home: Path) -> Generator[Mortals]:
    """Commands on this home. Those that still run at the end are killed."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.mortal_shop", str(home)],
        cwd=ROOT,
        env=environment(home, LAYETTE_PORT="0", LAYETTE_RATE_SCALE="1000"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Mortals(process, home.parent)
        assert process.stdin is not None
        process.stdin.close()


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
