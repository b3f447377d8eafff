"""Files that come with an operation, by the GraphQL multipart request specification."""

from dataclasses import dataclass, field
from typing import Any

import strawberry
from graphql import GraphQLError, ValueNode


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file's bytes. What its sender called it and said that it was is not known here: neither is to be believed."""

    content: bytes = field(repr=False)


def read_upload(value: Any) -> UploadedFile:
    if not isinstance(value, UploadedFile):
        raise GraphQLError("Send a file with the request.", extensions={"code": "BAD_USER_INPUT"})
    return value


def refuse_literal(node: ValueNode, variables: Any = None) -> Any:
    raise GraphQLError("A file is sent by a variable.", extensions={"code": "BAD_USER_INPUT"})


def refuse_to_show(value: Any) -> Any:
    raise GraphQLError("A file is not shown.")


Upload = strawberry.scalar(
    name="Upload",
    description="A file, sent by a variable in a multipart/form-data request (GraphQL multipart request "
    "specification): at most 10 MiB, and 4 to a request.",
    serialize=refuse_to_show,
    parse_value=read_upload,
    parse_literal=refuse_literal,
)
