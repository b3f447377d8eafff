"""The local gateway's book with several processes at it, of which some are killed."""

import asyncio
import subprocess
import sys
from pathlib import Path
from uuid import UUID

from app.settings import ROOT
from gateways.payments.local import LocalGateway
from models.payment import ChargeStatus

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


async def test_processes_that_charge_the_same_keys_make_one_charge_of_each(tmp_path: Path):
    processes = [charging(tmp_path / "gateway", 40) for _ in range(3)]
    outputs = await asyncio.gather(*(asyncio.to_thread(process.communicate) for process in processes))
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert [len(output.split()) for output, _ in outputs] == [40, 40, 40]
    gateway = LocalGateway(tmp_path / "gateway", b"")
    charges = [(one.status, one.captured, one.refunded) async for one in gateway.book()]
    assert charges == [(ChargeStatus.CAPTURED, 700, 200)] * 40
    await gateway.close()


async def test_charge_that_was_answered_outlives_a_kill(tmp_path: Path):
    with charging(tmp_path / "gateway", 100_000) as victim, charging(tmp_path / "gateway", 100_000) as other:
        answered: list[str] = []
        for process in (victim, other):
            assert process.stdout
            for line in process.stdout:
                answered.append(line.strip())
                if len(answered) % 15 == 0:
                    process.kill()
                    break
            answered += process.stdout.read().split()
    gateway = LocalGateway(tmp_path / "gateway", b"")
    charged = {one.charge_id async for one in gateway.book() if (one.captured, one.refunded) == (700, 200)}
    assert len(answered) >= 30
    assert {UUID(key) for key in answered if len(key) == 32} <= charged
    await gateway.close()
