"""The local gateway's book with several processes at it, of which some are killed."""

import asyncio
import subprocess
import sys
from pathlib import Path

from app.settings import ROOT
from gateways.payments.local import LocalGateway
from models.payment import ChargeStatus

KEYS = 200

# Charges keys that all such processes draw alike, in an order of its own, and prints each that was answered.
CHARGING = """
import asyncio, random, sys
from pathlib import Path
from uuid import UUID
from gateways.payments.local import LocalGateway
from tests.support.payments import charge_of
async def main():
    gateway = LocalGateway(Path(sys.argv[1]), b"")
    keys = [UUID(int=random.Random(number).getrandbits(128)) for number in range(int(sys.argv[2]))]
    random.shuffle(keys)
    async def charge(key):
        await gateway.charge(charge_of("tok_visa", 700, charge_id=key))
        await gateway.refund(key, key, 200)
        print(key.hex, flush=True)
    for at in range(0, len(keys), 5):
        await asyncio.gather(*map(charge, keys[at:at + 5]))
    await gateway.close()
asyncio.run(main())
"""


def charging(folder: Path, keys: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", CHARGING, str(folder), str(keys)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


async def test_processes_that_charge_the_same_keys_make_one_charge_of_each_though_some_are_killed(tmp_path: Path):
    with (
        charging(tmp_path / "gateway", KEYS) as first,
        charging(tmp_path / "gateway", KEYS) as second,
        charging(tmp_path / "gateway", KEYS) as survivor,
    ):
        answered = await asyncio.gather(*(asyncio.to_thread(killed_at_work, victim) for victim in (first, second)))
        output, _ = await asyncio.to_thread(survivor.communicate)
        assert survivor.returncode == 0
    gateway = LocalGateway(tmp_path / "gateway", b"")
    charges = [one async for one in gateway.book()]
    assert [(one.status, one.captured, one.refunded) for one in charges] == [(ChargeStatus.CAPTURED, 700, 200)] * KEYS
    ours = {one.charge_id.hex for one in charges if one.charge_id is not None}
    assert set(output.split()) == ours
    assert all(len(keys) >= 5 and set(keys) <= ours for keys in answered), "what was answered outlives a kill"
    await gateway.close()


def killed_at_work(victim: subprocess.Popen[str]) -> list[str]:
    """The keys that it was answered about."""
    assert victim.stdout
    answered = [victim.stdout.readline().strip() for _ in range(5)]
    victim.kill()
    return answered + [key for key in victim.stdout.read().split() if len(key) == 32]
