"""What the tailor does to what was ordered, and the measurements it is made to, in all states that there are."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from commerce.measurement import seal, sealer_of
from models.alteration import Alteration, AlterationStatus
from models.catalogue import AlterationKind
from models.classification import Channel
from models.measurement import LengthUnit, MeasuredPerson, MeasurementName, MeasurementSet, OrderMeasurement
from tests.support.planting import Planting

SECRET = b"a secret of the tests, 32 or longer"
"""What measurements that are planted are sealed by."""

FIRST_DAY = date(2026, 2, 27)


def plant_measurements(planting: Planting, account: UUID) -> None:
    """Sets of nothing, of a little and of everything."""
    for count in (0, 2, len(MeasurementName)):
        key = planting.key()
        planting.add(
            MeasurementSet,
            id=key,
            account_id=account,
            channel=Channel.WEB.value,
            created_at=planting.moment(),
            label=planting.text(),
            sealed=_sealed(planting, key, count),
            keep=count > 0,
            keep_until=None if count else planting.moment(),
            **_body(planting),
        )


def plant_work(planting: Planting, account: UUID, order: UUID, lines: Sequence[UUID], currency: str) -> None:
    """Work on some of the lines, more than one on others; measurements that may be deleted by now."""
    random, whose = planting.random, {"account_id": account, "channel": Channel.WEB.value}
    for at, line in enumerate(lines):
        for _ in range(at % 3):
            planting.add(
                Alteration,
                order_id=order,
                order_line_id=line,
                ticket=f"T-{len(planting.keys_of(Alteration)):04}",
                kind=random.choice(list(AlterationKind)).value,
                status=random.choice(list(AlterationStatus)).value,
                price=10**15,
                currency=currency,
                quantity=at + 1,
                due_on=FIRST_DAY + timedelta(days=random.randint(0, 3)),
                note=planting.maybe(planting.text()),
                workshop_note=planting.maybe(planting.text()),
                **whose,
            )
        if at != 1:
            sealed = planting.maybe(_sealed(planting, line, 3))
            deleted_at = None if sealed else planting.moment()
            body = {"sealed": sealed, "deleted_at": deleted_at} | _body(planting)
            planting.add(OrderMeasurement, order_line_id=line, **body, **whose)


def _body(planting: Planting) -> dict[str, str]:
    random = planting.random
    return {"person": random.choice(list(MeasuredPerson)).value, "unit": random.choice(list(LengthUnit)).value}


def _sealed(planting: Planting, key: UUID, count: int) -> bytes:
    names = planting.random.sample(list(MeasurementName), count)
    values = {name: Decimal(planting.random.choice(("71.50", "0", "0.0625"))) for name in names}
    return seal(sealer_of(SECRET), values, key)
