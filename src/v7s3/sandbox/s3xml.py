"""S3's XML: answers, errors and the documents people put."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from v7s3.sandbox.serving import Response

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


class S3Error(Exception):
    """One error answer of S3: HTTP status, error code, message, further elements of the body."""

    def __init__(self, status: int, code: str, message: str, **details: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def response(self, request_id: str) -> Response:
        fields = {"Code": self.code, "Message": self.message, **self.details, "RequestId": request_id}
        body = "".join(f"<{name}>{text(value)}</{name}>" for name, value in fields.items())
        return document(f"<Error>{body}<HostId>v7s3-sandbox</HostId></Error>", status=self.status)


def text(value: str) -> str:
    """Escaped for XML 1.0; control characters become character references as S3 writes them."""
    return _CONTROL.sub(lambda match: f"&#x{ord(match[0]):x};", escape(value))


def document(body: str, *, status: int = 200) -> Response:
    return Response(status, (_HEAD + body).encode(), {"Content-Type": "application/xml"})


def element(name: str, children: Iterable[tuple[str, str | None]]) -> str:
    """`<name>` with one text child for each pair; None leaves the child out."""
    inner = "".join(f"<{child}>{text(value)}</{child}>" for child, value in children if value is not None)
    return f'<{name} xmlns="{NAMESPACE}">{inner}</{name}>'


def parse(body: bytes, root: str) -> ET.Element:
    """The root element without namespaces. Raises S3Error MalformedXML unless it is a `root`."""
    malformed = S3Error(
        400,
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
    try:
        tree = ET.fromstring(body)  # noqa: S314  # our own clients on loopback
    except ET.ParseError:
        raise malformed from None
    for node in tree.iter():
        node.tag = node.tag.rpartition("}")[2]
    if tree.tag != root:
        raise malformed
    return tree
