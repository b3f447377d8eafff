"""Who the viewer is after what an operation did, and what their second factors are checked with."""

from dataclasses import replace

from auth import sessions
from auth.passkeys import relying_party
from auth.sealing import Sealer
from auth.viewer import ANONYMOUS
from commerce.second_factor import SEEDS, Verifier
from privacy import obligations
from resolvers.context import Context


async def see_anew(context: Context) -> None:
    """Asks the database again who the viewer is: for what follows in the same request, after their access changed."""
    before = context.viewer
    if before.token_digest is None:
        return
    digest = before.token_digest
    found = await context.database.transact(lambda t: sessions.viewer_of(t, digest, obligations.CURRENT.version))
    context.viewer = ANONYMOUS if found is None else replace(found, claim=before.claim, cart_digest=before.cart_digest)


def verifier(context: Context) -> Verifier:
    """What second factors are checked with in this shop."""
    services = context.services
    party = relying_party(services.shop.public_url, services.shop.name)
    return Verifier(Sealer(services.secret, SEEDS), party)
