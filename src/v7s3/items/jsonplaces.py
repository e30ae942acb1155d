"""JSON values whose fields know their lines. Only a document with a fault is ever searched for them.

For data of any size, read by Python's own fast decoder; `v7s3.access.jsontext` reads small documents that people edit,
mends them and writes them back.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import Any, NamedTuple

_SPACE = re.compile(r"[ \t\r\n]*")
_STEP = re.compile(r"(?!^)[.\[]")  # where one step of a path ends and the next begins: items|[3]|.slots|[0]|.fps
_DECODER = json.JSONDecoder()


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
        self._newlines: list[int] | None = None
        start = _after_space(text, 0)
        self._found = {"": (start, start)}  # path -> where the field begins, where its value begins
        self._expanded: set[str] = set()
        self._repeated: list[str] = []

    def line_of(self, path: str) -> int:
        """The line of a field ("items[3].slots[0].fps"), or of the innermost value that should have had it."""
        offset = 0
        for end in [0, *(step.start() for step in _STEP.finditer(path)), len(path)]:
            if path[:end] not in self._found:
                break
            offset = self._found[path[:end]][0]
            if end < len(path):
                self._expand(path[:end])
        if self._newlines is None:
            self._newlines = [match.start() for match in re.finditer("\n", self._text)]
        return self._line + bisect_right(self._newlines, offset)

    def repeated_fields(self) -> list[Fault]:
        """Every field that stands twice in its object: readers disagree about which of them counts."""
        paths = [""]
        while paths:
            known = len(self._found)
            self._expand(paths.pop())
            paths.extend(list(self._found)[known:])
        return [Fault(self.line_of(path), path, "stands twice in its object") for path in self._repeated]

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
                key, at = _DECODER.raw_decode(text, at)
                child = f"{path}.{key}" if path else key
                at = _after_space(text, _after_space(text, at) + 1)  # past the colon
            if child in self._found:
                self._repeated.append(child)
            self._found[child] = (start, at)
            at = _after_space(text, _DECODER.raw_decode(text, at)[1])
            if text[at] == ",":
                at = _after_space(text, at + 1)
            index += 1


def parsed(data: bytes, line: int = 1) -> Document | list[Fault]:
    """A JSON value from its bytes, which begin on `line` of their file, or why it is none.

    Stricter than Python: NaN, fields that stand twice, and halves of surrogate pairs are faults.
    """
    has_repeated = False

    def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal has_repeated
        fields = dict(pairs)
        has_repeated = has_repeated or len(fields) < len(pairs)
        return fields

    try:
        text = data.decode()
        value = json.loads(text, object_pairs_hook=as_object, parse_constant=_refuse)
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
    document = Document(value, text, line)
    return document.repeated_fields() if has_repeated else document


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
