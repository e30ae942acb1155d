"""S3's own spelling of a CORS configuration: the XML that the REST API carries and the console took until 2020.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html
"""

from __future__ import annotations

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


class MalformedXMLError(UsageError):
    """The text is not XML that S3 reads: the `problem`, and the `line` and `column`, from 1, where it shows."""

    def __init__(self, problem: str, line: int, column: int, *, hint: str = "") -> None:
        super().__init__(f"{problem} at line {line}, column {column}", hint=hint)
        self.problem, self.line, self.column = problem, line, column


@dataclass(slots=True)
class Element:
    """One element, its text, and where it stands: line and column from 1, and its span in the text's UTF-8 bytes."""

    name: str  # without prefix and namespace
    line: int
    column: int
    start: int
    end: int = 0
    text: str = ""
    children: list[Element] = field(default_factory=list)


def read_xml(text: str) -> Element:
    """The root element. Raises MalformedXMLError for text that is not well-formed, or has a DOCTYPE: S3 reads none."""
    parser = expat.ParserCreate("utf-8")
    stack = [Element("", 1, 1, 0)]

    def open_element(tag: str, _attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        element = Element(name, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1, parser.CurrentByteIndex)
        stack[-1].children.append(element)
        stack.append(element)

    def close_element(_tag: str) -> None:
        element = stack.pop()
        at = parser.CurrentByteIndex  # where the end tag begins, or, for <Empty/>, where the element has ended
        element.end = data.index(b">", at) + 1 if data.startswith(b"</", at) else at

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


def to_xml(configuration: CORSConfiguration) -> str:
    """The configuration as the REST API takes it, indented, with a newline at its end."""
    rules = [rule_xml(rule, "  ") for rule in configuration.CORSRules]
    return "\n".join([f'<CORSConfiguration xmlns="{NAMESPACE}">', *rules, "</CORSConfiguration>", ""])


def rule_xml(rule: CORSRule, indent: str) -> str:
    """One <CORSRule>, every line behind `indent`."""
    api = rule.as_api()
    lines = ["<CORSRule>"]
    if "ID" in api:
        lines.append(f"  <ID>{escape(api['ID'])}</ID>")
    for element, name in LISTS.items():
        lines += [f"  <{element}>{escape(value)}</{element}>" for value in api.get(name, ())]
    if "MaxAgeSeconds" in api:
        lines.append(f"  <MaxAgeSeconds>{api['MaxAgeSeconds']}</MaxAgeSeconds>")
    return "\n".join(indent + line for line in [*lines, "</CORSRule>"])
