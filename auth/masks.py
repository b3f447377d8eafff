"""What those see who may recognise a value but not read it: `j***@d***`, `***42`."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Text, func, literal_column

from models.classification import Mask, Personal

STARS = literal_column("'***'", Text)
ONE = literal_column("1")
TWO = literal_column("2")


def mask(personal: Iterable[Personal], value: ColumnElement[Any]) -> ColumnElement[Any]:
    """The masked value; where several kinds of data meet in it, all of it is hidden."""
    masks = {one.mask for one in personal}
    match masks.pop() if len(masks) == 1 else Mask.HIDDEN:
        case Mask.EMAIL:
            domain = func.split_part(value, literal_column("'@'"), TWO)
            return func.left(value, ONE) + STARS + literal_column("'@'", Text) + func.left(domain, ONE) + STARS
        case Mask.PHONE:
            return STARS + func.right(value, TWO)
        case Mask.NAME:
            return func.left(value, ONE) + STARS
        case _:
            return func.left(value, literal_column("0")) + STARS
