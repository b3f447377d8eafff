"""How the catalogue is searched: every word has to be found, as it is written or as it was probably meant.

A word that the shop's products do not know is taken for the one most like it of names, brands, categories and audiences
(`commerce.catalogue_search`). A word that is known means itself: whoever looks for a coat wants no boat.
"""

import re
import unicodedata
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Numeric, Text, case, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import TSQUERY

from commerce.catalogue_search import cuts
from models.catalogue import Product, SearchWord
from reads.cursors import wrong
from reads.declare import Columns

LONGEST_SEARCH = 200
SHORTEST_MISSPELLED = 4
"""Letters: of shorter words too many are alike."""

TERMS = ARRAY(Text)

_TERM = re.compile(r"""(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>\w[\w'.-]*))""")
_ENGLISH = literal_column("'english'::regconfig")
_EVERYTHING = literal_column("'!''~'''")
"""A query that all products match: no word is a tilde."""


def search_terms(given: str) -> list[str]:
    """A search's words, and its "phrases" in quotes, with a minus before what is excluded; without accents or case.

    Raises GraphQLError for one that is too long.
    """
    if len(given) > LONGEST_SEARCH:
        raise wrong(f"A search has at most {LONGEST_SEARCH} characters.")
    decomposed = unicodedata.normalize("NFKD", given.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    plain = "".join(letter for letter in decomposed if not "\u0300" <= letter <= "\u036f").lower()
    return [_term(found) for found in _TERM.finditer(plain)]


def _term(found: re.Match[str]) -> str:
    minus, phrase, word = found.group("minus") or "", found.group("phrase"), found.group("word")
    return minus + (word.rstrip("'.-") if phrase is None else f'"{phrase}"')


def matches(product: Columns, terms: ColumnElement[list[str]], given: Any) -> ColumnElement[bool]:
    return product.search.op("@@", is_comparison=True)(query(terms))


def query(terms: ColumnElement[list[str]]) -> ColumnElement[Any]:
    """The tsquery that finds what is meant by all of the terms; everything, if they are none or say nothing (`the`)."""
    term = func.unnest(terms).column_valued("term")
    exact = as_written(term)
    others = case((is_word(term) & ~is_known(exact), most_alike(term)), else_=_sql("''"))
    either = _sql("'('").concat(cast(exact, Text)).concat(others).concat(_sql("')'"))
    every = func.coalesce(func.string_agg(either, _sql("' & '")), _EVERYTHING)
    says_something = func.numnode(exact) > literal_column("0")
    return select(cast(every, TSQUERY)).where(says_something).scalar_subquery()


def as_written(term: ColumnElement[str]) -> ColumnElement[Any]:
    """In any form of the word; without the words of a phrase and those that are excluded being taken for others."""
    return func.websearch_to_tsquery(_ENGLISH, term)


def is_word(term: ColumnElement[str]) -> ColumnElement[bool]:
    long_enough = func.length(term) >= literal_column(str(SHORTEST_MISSPELLED))
    return long_enough & term.op("!~", is_comparison=True)(_sql("""'^[-"]|\\d'"""))


def is_known(exact: ColumnElement[Any]) -> ColumnElement[bool]:
    known = Product.__table__.alias("known")
    return select(known.c.id).where(known.c.search.op("@@", is_comparison=True)(exact)).exists()


def most_alike(term: ColumnElement[str]) -> ColumnElement[str]:
    """The word that is most like this one, as a further choice: ` | 'linen'`; several, where they are as much alike.

    One with a single letter wrong comes before others, which pg_trgm finds as far as `models.database.SEARCHING` says.
    """
    words = SearchWord.__table__.alias("words")
    nearly = words.c.cuts.op("&&", is_comparison=True)(cuts(term))
    alike = term.op("<<%", is_comparison=True)(words.c.word)
    choice = _sql("' | '").concat(cast(func.plainto_tsquery(_ENGLISH, words.c.word), Text))
    best = [nearly.desc(), func.strict_word_similarity(term, words.c.word).desc()]
    found = select(choice).where(nearly | alike).order_by(*best).fetch(literal_column("1"), with_ties=True)
    return func.array_to_string(func.array(found.scalar_subquery()), _sql("''"), type_=Text)


def relevance(product: Columns, given: Any) -> ColumnElement[Decimal]:
    """By the words and where they are found, and by how much the product's name is like what was asked for."""
    terms = given("search")
    if terms is None:
        return cast(literal_column("0.0"), Numeric)  # a bare constant is no sort key in PostgreSQL
    rank = func.ts_rank(product.search, query(terms)) + func.strict_word_similarity(
        asked_for(terms), func.lower(product.name)
    )
    return func.round(cast(rank, Numeric), literal_column("5"))


def asked_for(terms: ColumnElement[list[str]]) -> ColumnElement[str]:
    """The words of all terms but those that are excluded."""
    term = func.unnest(terms).column_valued("term")
    words = func.coalesce(func.string_agg(term, _sql("' '")), _sql("''"))
    return select(words).where(term.op("!~", is_comparison=True)(_sql("'^-'"))).scalar_subquery()


def _sql(constant: str) -> ColumnElement[str]:
    return literal_column(constant, Text)
