"""S3's own spelling of a CORS configuration: the XML that the REST API carries and the console took until 2020.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat
from xml.sax.saxutils import escape

from v7s3.errors import UsageError

if TYPE_CHECKING:
    from v7s3.access.cors import CORSConfiguration, CORSRule

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

# XML element, one for each value -> the API's list
LISTS = {
    "AllowedHeader": "AllowedHeaders",
    "AllowedMethod": "AllowedMethods",
    "AllowedOrigin": "AllowedOrigins",
    "ExposeHeader": "ExposeHeaders",
}


_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,4000}", re.ASCII)  # digits that Python is willing to read


class MalformedXMLError(UsageError):
    """The text is not XML that S3 reads: the `problem`, and the `line` and `column`, from 1, where it shows."""

    def __init__(self, problem: str, line: int, column: int, *, hint: str = "") -> None:
        super().__init__(f"{problem} at line {line}, column {column}", hint=hint)
        self.problem, self.line, self.column = problem, line, column


@dataclass(slots=True)
class Element:
    """One element, its text, and where it stands: line and column from 1, and its span in the text's UTF-8 bytes."""

    name: str  # without prefix and namespace
    prefix: str  # with its colon, "" without
    line: int
    column: int
    start: int
    end: int = 0
    text: str = ""
    children: list[Element] = field(default_factory=list)


def read_xml(text: str) -> Element:
    """The root element. Raises MalformedXMLError for text that is not well-formed, or has a DOCTYPE: S3 reads none."""
    parser = expat.ParserCreate("utf-8")
    stack = [Element("", "", 1, 1, 0)]

    def open_element(tag: str, _attributes: dict[str, str]) -> None:
        prefix, colon, name = tag.rpartition(":")
        place = parser.CurrentLineNumber, parser.CurrentColumnNumber + 1, parser.CurrentByteIndex
        element = Element(name, prefix + colon, *place)
        stack[-1].children.append(element)
        stack.append(element)

    def close_element(_tag: str) -> None:
        element = stack.pop()
        at = parser.CurrentByteIndex  # where the end tag begins, or, for <Empty/>, where the element has ended
        is_empty = data[at - 2 : at] == b"/>" and not element.children and not element.text
        element.end = at if is_empty else data.index(b">", at) + 1

    def refuse_doctype(*_: object) -> None:
        place = parser.CurrentLineNumber, parser.CurrentColumnNumber + 1
        raise MalformedXMLError(
            "the CORS configuration has a DOCTYPE, which S3 does not read", *place, hint="delete it"
        )

    def add_text(chunk: str) -> None:
        stack[-1].text += chunk

    parser.StartElementHandler = open_element
    parser.EndElementHandler = close_element
    parser.CharacterDataHandler = add_text
    parser.StartDoctypeDeclHandler = refuse_doctype
    data = text.encode("utf-8", "surrogatepass")
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        message = f"the CORS configuration is not well-formed XML: {expat.ErrorString(error.code)}"
        raise MalformedXMLError(message, error.lineno, error.offset + 1) from error
    return stack[0].children[0]


def whole_number(text: str) -> int | None:
    """The number in an element; None when it is no number, or longer than any that S3 keeps."""
    return int(text) if _WHOLE_NUMBER.fullmatch(text.strip()) else None


def to_xml(configuration: CORSConfiguration) -> str:
    """The configuration as the REST API takes it, indented, with a newline at its end."""
    rules = [rule_xml(rule, "  ") for rule in configuration.CORSRules]
    return "\n".join([f'<CORSConfiguration xmlns="{NAMESPACE}">', *rules, "</CORSConfiguration>", ""])


def rule_xml(rule: CORSRule, indent: str, prefix: str = "") -> str:
    """One <CORSRule>, every line behind `indent`, every name behind the namespace's `prefix`."""
    api = rule.as_api()
    values = [("ID", api["ID"])] if "ID" in api else []
    values += [(element, value) for element, name in LISTS.items() for value in api.get(name, ())]
    if "MaxAgeSeconds" in api:
        values.append(("MaxAgeSeconds", str(api["MaxAgeSeconds"])))
    inner = [f"  <{prefix}{element}>{escape(value)}</{prefix}{element}>" for element, value in values]
    return "\n".join(indent + line for line in [f"<{prefix}CORSRule>", *inner, f"</{prefix}CORSRule>"])
