"""JSON values whose fields know their lines. Only a document with a fault is ever searched for them.

For data of any size, read by Python's own fast decoder; `v7s3.access.jsontext` reads small documents that people edit,
mends them and writes them back.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from functools import cached_property
from typing import Any, NamedTuple

_SPACE = re.compile(r"[ \t\r\n]*")
_STEP = re.compile(r"(?!^)[.\[]")  # where one step of a path ends and the next begins: items|[3]|.slots|[0]|.fps


class Fault(NamedTuple):
    """One thing wrong with a file: the line (from 1), the field ("" for the line as a whole), and a sentence."""

    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.field}: {self.message}" if self.field else f"line {self.line}: {self.message}"


class Document:
    """A JSON value, and the text it was read from, which begins on `line` of its file."""

    def __init__(self, value: Any, text: str, line: int) -> None:
        self.value = value
        self._text = text
        self._line = line

    def line_of(self, path: str) -> int:
        """The line of a field ("items[3].slots[0].fps"), or of the innermost value that should have had it."""
        if not path and not self._text[0].isspace():
            return self._line
        return self._line + self._places.newlines_before(path)

    def repeated_fields(self) -> list[Fault]:
        """Every field that stands twice in its object: readers disagree about which of them counts."""
        self._places.find_all()
        return [Fault(self.line_of(path), path, "stands twice in its object") for path in self._places.repeated]

    @cached_property
    def _places(self) -> _Places:
        return _Places(self._text)


class _Places:
    """Where in a text the fields of its value are. They are found level by level, as they are asked for."""

    def __init__(self, text: str) -> None:
        start = _after_space(text, 0)
        self.repeated: list[str] = []
        self._text = text
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._found = {"": (start, start)}  # path -> where the field begins, where its value begins
        self._expanded: set[str] = set()

    def newlines_before(self, path: str) -> int:
        offset = 0
        for end in [0, *(step.start() for step in _STEP.finditer(path)), len(path)]:
            if path[:end] not in self._found:
                break
            offset = self._found[path[:end]][0]
            if end < len(path):
                self._expand(path[:end])
        return bisect_right(self._newlines, offset)

    def find_all(self) -> None:
        paths = [""]
        while paths:
            known = len(self._found)
            self._expand(paths.pop())
            paths.extend(list(self._found)[known:])

    def _expand(self, path: str) -> None:
        """Find the members of the object, or the elements of the array, at a path that was found."""
        text, at = self._text, self._found[path][1]
        if path in self._expanded or text[at] not in "{[":
            return
        self._expanded.add(path)
        is_object = text[at] == "{"
        at = _after_space(text, at + 1)
        index = 0
        while text[at] not in "}]":
            start, child = at, f"{path}[{index}]"
            if is_object:
                key, at = _LENIENT.raw_decode(text, at)
                child = f"{path}.{key}" if path else key
                at = _after_space(text, _after_space(text, at) + 1)  # past the colon
            if child in self._found:
                self.repeated.append(child)
            self._found[child] = (start, at)
            at = _after_space(text, _LENIENT.raw_decode(text, at)[1])
            if text[at] == ",":
                at = _after_space(text, at + 1)
            index += 1


def parsed(data: bytes, line: int = 1) -> Document | list[Fault]:
    """A JSON value from its bytes, which begin on `line` of their file, or why it is none.

    Stricter than Python: NaN, fields that stand twice, and halves of surrogate pairs are faults.
    """
    try:
        return _decoded(data, line, _STRICT)
    except _RepeatedError:
        document = _decoded(data, line, _LENIENT)
        return document.repeated_fields() if isinstance(document, Document) else document


def _decoded(data: bytes, line: int, decoder: json.JSONDecoder) -> Document | list[Fault]:
    try:
        text = data.decode()
        value = decoder.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        return [Fault(line + error.lineno - 1, "", f"is not JSON: {error.msg} (column {error.colno})")]
    except UnicodeDecodeError as error:
        return [Fault(line + data.count(b"\n", 0, error.start), "", "is not UTF-8")]
    except UnicodeEncodeError:
        return [Fault(line, "", "has half of a surrogate pair, which is no character")]
    except (ValueError, RecursionError) as error:
        return [Fault(line, "", f"is not JSON that can be read: {error}")]
    return Document(value, text, line)


class _RepeatedError(Exception):
    """A field stands twice in its object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _RepeatedError
    return fields


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


_LENIENT = json.JSONDecoder(parse_constant=_refuse)
_STRICT = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_unique)
