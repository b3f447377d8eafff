"""What happens to an account, written down for its owner to see (P53)."""

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, Insert, Text, Uuid, bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.account import Account, AccountEvent, AccountEventKind
from models.classification import Channel
from models.ids import new_id
from models.statement import Statement


class ClientFacts(Protocol):
    """What may be kept of where a request comes from: a coarse network (P14) and a device's family (P16)."""

    @property
    def network(self) -> str | None: ...

    @property
    def device_name(self) -> str | None: ...

    @property
    def device_kind(self) -> str: ...

    @property
    def channel(self) -> Channel: ...


@dataclass(frozen=True, slots=True)
class AtTheShop:
    """Done by the shop itself, from no device of the account's owner."""

    network: str | None = None
    device_name: str | None = None
    device_kind: str = "OTHER"
    channel: Channel = Channel.IN_STORE


AT_THE_SHOP = AtTheShop()


def facts_of(client: ClientFacts, device_name: str | None = None) -> dict[str, Any]:
    """What `adding` takes of where a request comes from. `device_name` is what its owner calls the device."""
    return {
        "channel": client.channel,
        "device_name": device_name or client.device_name,
        "device_kind": client.device_kind,
        "ip_network": client.network,
    }


def adding(key: str, kind: ColumnElement[str], *where: ColumnElement[bool]) -> Insert:
    """The statement of `record`, to stand in another's WITH: its parameters are `key`, `account_id` and `facts_of`."""
    values: dict[str, Any] = {"id": bindparam(key, type_=Uuid()), "account_id": Account.id, "kind": kind}
    values |= {name: bindparam(name, type_=Text()) for name in ("channel", "device_name", "device_kind", "ip_network")}
    event = select(*values.values()).where(Account.id == bindparam("account_id", type_=Uuid()), *where)
    return insert(AccountEvent).from_select(list(values), event, include_defaults=False)


_RECORD = Statement(lambda: adding("id", bindparam("kind", type_=Text())))


async def record(
    transaction: AsyncConnection,
    account_id: UUID | None,
    kind: AccountEventKind,
    client: ClientFacts,
    *,
    device_name: str | None = None,
) -> None:
    """Adds an event. `device_name` is what its owner calls the device, where that is known.

    For None, and for an account that is gone, the same statement writes nothing: both take the same time.
    """
    facts = facts_of(client, device_name)
    await _RECORD.run(transaction, id=new_id(), account_id=account_id, kind=kind, **facts)
