"""What happens to an account, written down for its owner to see (P53)."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from sqlalchemy import Text, Uuid, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.account import Account, AccountEvent, AccountEventKind
from models.classification import Channel
from models.ids import new_id


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
    values = {
        "id": literal(new_id(), Uuid()),
        "account_id": Account.id,
        "kind": literal(kind, Text()),
        "channel": literal(client.channel, Text()),
        "device_name": literal(device_name or client.device_name, Text()),
        "device_kind": literal(client.device_kind, Text()),
        "ip_network": literal(client.network, Text()),
    }
    event = select(*values.values()).where(Account.id == literal(account_id, Uuid()))
    await transaction.execute(insert(AccountEvent).from_select(list(values), event, include_defaults=False))
