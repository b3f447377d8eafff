"""Requests with files, as clients of the GraphQL multipart request specification send them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Part = tuple[str, bytes, str | None]
"""Name, content, and the file's name if it is one."""

BOUNDARY = "----layette"


def form(parts: Sequence[Part], *, end: str = "--\r\n") -> bytes:
    """The body of a form of these parts."""
    body = b""
    for name, content, file_name in parts:
        file = f'; filename="{file_name}"\r\nContent-Type: image/jpeg' if file_name else ""
        body += (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"
        )
    return body + f"--{BOUNDARY}{end}".encode()


def request(query: str, files: Mapping[str, bytes], **variables: Any) -> list[Part]:
    """The parts of an operation whose variables of these names are files."""
    operations = {"query": query, "variables": {**variables, **dict.fromkeys(files)}}
    places = {str(at): [f"variables.{name}"] for at, name in enumerate(files)}
    return [
        ("operations", json.dumps(operations).encode(), None),
        ("map", json.dumps(places).encode(), None),
        *((str(at), content, f"{name}.jpg") for at, (name, content) in enumerate(files.items())),
    ]


def headers(token: str | None = None, **more: str) -> dict[str, str]:
    """Headers of a form, with the token of a session or with none but what shows that a page of ours sent it."""
    proof = {"authorization": f"Bearer {token}"} if token else {"x-layette-csrf": "1"}
    return {"content-type": f"multipart/form-data; boundary={BOUNDARY}", **proof, **more}
