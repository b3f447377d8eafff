"""Who may read what, shown on the graph of the schema: nothing public leads to a person, and no secret is readable."""

import re
from typing import Any

import pytest
import strawberry
from graphql import GraphQLObjectType
from sqlalchemy import Column, Text, Uuid, select

import models
from auth.permissions import ANYONE, OWNER, denial, is_public
from auth.viewer import ANONYMOUS, Access, ViewerKind
from models.account import SECRET, Account
from models.classification import Classification, NotPersonal, Personal, classification
from models.review import Review
from reads import declare
from reads.declare import Argument, Key, column, embed, entity, field_readers, many, one, page, to
from reads.entities import strawberry_field
from resolvers.root import core_schema
from tests.support.schema_walk import Step, Walk, columns_of, home
from tests.support.toy_schema import listed, schema_with, shape

PUBLISHED = {"PublicReview.title", "PublicReview.body"}
"""What its author gave to be published, without their name (P48)."""

BROUGHT = {"CartLine.giftMessage"}
"""What whoever has a cart's token wrote, shown to them alone: a cart is no one else's to see."""

COMPUTED = {"viewer"}
"""Public roots with a resolver of their own, which a walk cannot look into: it tells who the caller is, and no more."""

COLUMNS = [column for table in models.metadata.sorted_tables for column in table.columns]
SECRETS = [column for column in COLUMNS if classification(column).secret]
SOUNDS_SECRET = re.compile(r"(?:^|_)(?:digest|hash|password|pin|private|secret|seed|token)(?:_|$)")


def admits_anyone(readers: Any) -> bool:
    return denial(readers, ANONYMOUS.access) is None


def persons_on_the_way(schema: Any) -> list[Step]:
    """Fields that anyone may read, though they look at something of a person."""
    steps = Walk(schema, admits_anyone).steps()
    return [one for one in steps if one.field not in PUBLISHED | BROUGHT and any(map(is_personal, one.columns))]


def secrets_on_the_way(schema: Any) -> list[str]:
    """Fields that look at a secret, whoever asks."""
    return [str(step) for step in Walk(schema, lambda readers: True).steps() if any(map(is_secret, step.columns))]


def is_secret(stored: Any) -> bool:
    return classification(stored).secret


def looks_secret(stored: Any) -> bool:
    """Whether a column must be declared a secret, by its name or its category."""
    found = classification(stored)
    credential = isinstance(found, Personal) and found.category == SECRET.category
    return credential or SOUNDS_SECRET.search(stored.name) is not None


def is_personal(stored: Any) -> bool:
    return isinstance(classification(stored), Personal)


def object_types() -> list[GraphQLObjectType]:
    types = core_schema().type_map.values()
    return [one for one in types if isinstance(one, GraphQLObjectType) and not one.name.startswith("__")]


def test_nothing_public_leads_to_a_person():
    assert [str(step) for step in persons_on_the_way(core_schema())] == []


def test_public_walk_goes_through_the_whole_catalogue():
    reached = {step.field for step in Walk(core_schema(), admits_anyone).steps()}
    wanted = {
        "PublicReview.body",
        "Variant.quantityAvailable",
        "RatingSummary.average",
        "Money.amount",
        "PageInfo.endCursor",
    }
    assert wanted <= reached
    assert "ProductFacetValue.count" in reached
    assert not any(field.startswith(("Customer.", "Order.", "LoginSession.")) for field in reached)


def test_public_roots_with_resolvers_of_their_own_are_these():
    query = core_schema().query_type
    assert query is not None
    computed = {name for name in query.fields if declare.field_reads(strawberry_field(query, name)) is None}
    assert {name for name in computed if is_public(field_readers(strawberry_field(query, name)))} <= COMPUTED


def test_published_words_and_carts_are_the_only_exceptions():
    public = {step.field for step in Walk(core_schema(), admits_anyone).steps() if any(map(is_personal, step.columns))}
    assert public == PUBLISHED | BROUGHT


@pytest.mark.parametrize("type_", object_types(), ids=lambda one: one.name)
def test_every_field_has_readers(type_: GraphQLObjectType):
    for name in type_.fields:
        assert field_readers(strawberry_field(type_, name)), f"{type_.name}.{name}"


@pytest.mark.parametrize("type_", object_types(), ids=lambda one: one.name)
def test_no_field_reads_a_secret(type_: GraphQLObjectType):
    table = home(type_)
    for name in type_.fields:
        reads = declare.field_reads(strawberry_field(type_, name))
        root = type_ is core_schema().query_type
        assert not any(map(is_secret, columns_of(type_, name, reads, table, root=root))), f"{type_.name}.{name}"


def test_p8_no_way_through_the_schema_looks_at_a_secret():
    """Nor do conditions, orders, filters or shapes within other objects, whoever asks."""
    assert secrets_on_the_way(core_schema()) == []


def test_p8_what_is_called_or_classified_like_a_secret_is_one():
    assert [str(stored) for stored in COLUMNS if looks_secret(stored) and not is_secret(stored)] == []


@pytest.mark.parametrize(
    ("name", "what"), [("api_token", NotPersonal("a rogue")), ("till_pin", NotPersonal("a rogue")), ("answer", SECRET)]
)
def test_p8_new_secret_is_noticed_by_its_name_or_class(name: str, what: Classification):
    assert looks_secret(Column(name, Text(), info={"privacy": what}))


def test_p8_secrets_are_known():
    known = {
        "credential.password_hash",
        "forgotten_card.gateway_token",
        "login_session.token_digest",
        "partner_key.key_digest",
        "payment_method.gateway_token",
        "second_factor.sealed",
        "staff_pin.pin_hash",
    }
    assert known <= {str(stored) for stored in SECRETS}


def test_walk_as_the_owner_reaches_everything_of_a_customer():
    customer = Access(ViewerKind.CUSTOMER)
    reached = {step.field for step in Walk(core_schema(), lambda readers: denial(readers, customer) is None).steps()}
    assert {"Customer.email", "Address.line1", "OrderContact.name", "LoginSession.ipNetwork"} <= reached


# ---- planted edges


@strawberry.interface
class Thing:
    id: strawberry.ID


NEWEST = (Key(lambda review, given: review.id, Uuid()),)


def person() -> Any:
    @entity(Account, name="Author", readers=ANYONE)
    class Author:
        name: str
        id: strawberry.ID = column(lambda account: account.id, nullable=False)

    return Author


def review(**fields: tuple[Any, Any]) -> Any:
    body: dict[str, Any] = {n: r for n, (_, r) in fields.items() if r is not None}
    hints = {"rating": int, **{n: t for n, (t, _) in fields.items()}}
    return entity(Review, name="Opinion", readers=ANYONE, visible=(to(ANYONE),))(
        type("Opinion", (), {"__annotations__": hints, **body})
    )


def test_rogue_column_is_found(toy_types: None):
    schema = schema_with(reviews=(listed(review(title=(str | None, None))), many(order=lambda r: (r.id,))))
    assert [str(step) for step in persons_on_the_way(schema)] == ["Query.reviews → Opinion.title"]


@pytest.mark.parametrize("secret", SECRETS, ids=str)
def test_p8_rogue_field_that_reads_a_secret_is_found(toy_types: None, secret: Column[Any]):
    read = select(secret).limit(1).scalar_subquery()
    rogue = review(hint=(str | None, column(lambda review: read, readers=OWNER)))
    schema = schema_with(reviews=(listed(rogue), many(order=lambda review: (review.id,))))
    assert secrets_on_the_way(schema) == ["Query.reviews → Opinion.hint"]


@pytest.mark.parametrize("secret", SECRETS, ids=str)
def test_p8_rogue_condition_on_a_secret_is_found(toy_types: None, secret: Column[Any]):
    asked = select(secret.table).where(secret.is_(None)).exists()
    schema = schema_with(reviews=(listed(review()), many(order=lambda review: (review.id,), when=lambda review: asked)))
    assert secrets_on_the_way(schema) == ["Query.reviews"]


def test_rogue_relation_is_found(toy_types: None):
    author = (person() | None, one(lambda review, account: account.id == review.account_id))
    schema = schema_with(reviews=(listed(review(author=author)), many(order=lambda r: (r.id,))))
    assert [str(step) for step in persons_on_the_way(schema)] == [
        "Query.reviews → Opinion.author",
        "Query.reviews → Opinion.author → Author.name",
    ]


def test_rogue_subquery_is_found(toy_types: None):
    name = select(Account.name).where(Account.id == Review.account_id).scalar_subquery()
    schema = schema_with(
        reviews=(listed(review(by=(str | None, column(lambda r: name)))), many(order=lambda r: (r.id,)))
    )
    assert [str(step) for step in persons_on_the_way(schema)] == ["Query.reviews → Opinion.by"]


def test_rogue_embedded_object_is_found(toy_types: None):
    words = shape("Words", said=str)
    schema = schema_with(
        reviews=(listed(review(words=(words, embed(said=lambda r: r.body)))), many(order=lambda r: (r.id,)))
    )
    assert [str(step) for step in persons_on_the_way(schema)] == ["Query.reviews → Opinion.words → Words.said"]


def test_rogue_value_that_depends_on_the_viewer_is_found(toy_types: None):
    own = column(seen=lambda viewer, r: r.account_id == viewer.account_id, nullable=False)
    schema = schema_with(reviews=(listed(review(own=(bool, own))), many(order=lambda r: (r.id,))))
    assert [str(step) for step in persons_on_the_way(schema)] == ["Query.reviews → Opinion.own"]


def test_rogue_argument_is_found_as_one_may_ask_by_it(toy_types: None):
    by = Argument(
        str | None, Text(), where=lambda r, name: r.account_id.in_(select(Account.id).where(Account.name == name))
    )
    schema = schema_with(reviews=(listed(review()), many(order=lambda r: (r.id,), arguments={"by": by})))
    assert [str(step) for step in persons_on_the_way(schema)] == ["Query.reviews"]


def test_rogue_condition_is_found(toy_types: None):
    schema = schema_with(
        reviews=(listed(review()), many(order=lambda r: (r.id,), when=lambda r: r.account_id.is_(None)))
    )
    assert [str(step) for step in persons_on_the_way(schema)] == ["Query.reviews"]


def test_rogue_order_is_found(toy_types: None):
    schema = schema_with(reviews=(listed(review()), many(order=lambda r: (r.account_id,))))
    assert [str(step) for step in persons_on_the_way(schema)] == ["Query.reviews"]


def test_rogue_sort_of_a_page_is_found(toy_types: None):
    opinion = review()

    edge = shape("Edge", node=opinion)
    connection = shape("Connection", edges=listed(edge))
    by_author = (Key(lambda r, given: r.account_id, Uuid()), *NEWEST)
    schema = schema_with(reviews=(connection, page(sorts=by_author)))
    assert [str(step) for step in persons_on_the_way(schema)] == ["Query.reviews"]


def test_rogue_visibility_is_found(toy_types: None):
    @entity(Account, name="Someone", prefix="som", readers=ANYONE, visible=(to(ANYONE),))
    class Someone(Thing):
        id: strawberry.ID
        email: str

    schema = schema_with(types=(Someone,), node=(Thing | None, declare.any_entity()))
    assert [str(step) for step in persons_on_the_way(schema)] == ["Query.node → Someone.email"]


def test_relation_for_owners_alone_is_no_public_edge(toy_types: None):
    author = (person() | None, one(lambda review, account: account.id == review.account_id, readers=OWNER))
    schema = schema_with(reviews=(listed(review(author=author)), many(order=lambda r: (r.id,))))
    assert persons_on_the_way(schema) == []
