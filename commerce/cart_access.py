"""Whose a cart is: its account's, or that of whoever has its token; for everyone else there is none."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, LargeBinary, Uuid, and_, bindparam, func, or_

from auth.viewer import Viewer, ViewerKind
from models.cart import Cart


def owner_of(viewer: Viewer) -> UUID | None:
    """Whose carts the viewer's are: a customer's; nobody's for all others, who hold theirs by token."""
    return viewer.account_id if viewer.kind is ViewerKind.CUSTOMER else None


def is_open(cart: Any) -> ColumnElement[bool]:
    """Neither over nor being ordered. `cart` has Cart's columns."""
    return and_(cart.expires_at > func.now(), cart.placing_id.is_(None))


def is_held() -> ColumnElement[bool]:
    """Open, and of the account `owner_id` or with the token of the digest `digest`, parameters of a statement."""
    owner, digest = bindparam("owner_id", type_=Uuid), bindparam("digest", type_=LargeBinary)
    return and_(is_open(Cart), or_(Cart.account_id == owner, Cart.token_digest == digest))


def holding(viewer: Viewer) -> dict[str, Any]:
    """The parameters of `is_held` for a viewer."""
    return {"owner_id": owner_of(viewer), "digest": viewer.cart_digest}
