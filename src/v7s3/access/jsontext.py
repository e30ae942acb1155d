"""JSON as people paste it: a tree that knows where everything stands, and a place for everything that is wrong.

`json.loads` stops at the first fault and forgets positions. Checking somebody's policy needs both: `read` returns a
`Document` with every fault as a `Problem`, and still a tree when the intent is plain (a trailing comma, a comment, a
typographic quote), so that the content can be checked in the same run. It takes linear time, does not recurse and
never raises.

Edits by span (`insert_element`, `replace`) leave every byte they are not about as it was.

Offsets are indices into `Document.text`; lines and columns count characters from 1.
"""

from __future__ import annotations

import codecs
import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

MAX_DEPTH = 100  # a policy needs 6 levels, a CORS configuration 4; what is deeper is an attack or an accident
MAX_PROBLEMS = 100  # one wrong habit in a long file must not bury everything else

NodeKind = Literal["object", "array", "string", "number", "boolean", "null"]
ProblemKind = Literal[
    "empty", "encoding", "byte-order-mark", "depth", "syntax", "unclosed", "trailing-comma", "missing-comma",
    "extra-comma", "missing-colon", "missing-brace", "comment", "quotes", "unquoted-key", "literal", "number",
    "escape", "control-character", "after-end", "duplicate-key",
]  # fmt: skip


class Problem(NamedTuple):
    """One fault of the text. `offset` is where it is, `message` a clause that says what to do about it."""

    kind: ProblemKind
    message: str
    offset: int
    line: int
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One JSON value and its source span `[start, end)`."""

    kind: NodeKind
    start: int
    end: int
    value: str | float | bool | None = None  # of a scalar; None for a container
    members: tuple[Member, ...] = ()  # of an object, in order, duplicates included
    elements: tuple[Node, ...] = ()  # of an array

    def get(self, key: str) -> Node | None:
        """The value of the last member `key` of an object: the last of duplicates counts, as in `json.loads`."""
        return next((member.value for member in reversed(self.members) if member.key == key), None)


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """`key: value` of an object; `start` and `end` are the span of the key with its quotes."""

    key: str
    start: int
    end: int
    value: Node


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A text that was read. `root` is None when the text is so broken that a tree would be a guess."""

    text: str
    root: Node | None
    problems: tuple[Problem, ...]
    _line_starts: list[int] = field(repr=False)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset."""
        return _position(self._line_starts, offset)

    def path(self, offset: int) -> tuple[str | int, ...]:
        """Keys and indices that lead to the innermost value, or member, whose source holds `offset`."""
        steps: list[str | int] = []
        node = self.root
        while node is not None:
            children: tuple[Member, ...] | tuple[Node, ...] = node.members or node.elements
            index = bisect_right(children, offset, key=lambda child: child.start) - 1
            if index < 0:
                break
            child = children[index]
            inner = child.value if isinstance(child, Member) else child
            if offset >= inner.end:
                break
            steps.append(child.key if isinstance(child, Member) else index)
            node = inner
        return tuple(steps)

    def pointer(self, offset: int) -> str:
        """`path` as a JSON pointer (RFC 6901): `/Statement/0/Action`, "" for the whole document."""
        return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in self.path(offset))

    def source(self, node: Node) -> str:
        """The node's own text."""
        return self.text[node.start : node.end]


def python_value(node: Node) -> Any:
    """The node as `json.loads` would give it."""
    if node.kind == "object":
        return {member.key: python_value(member.value) for member in node.members}
    if node.kind == "array":
        return [python_value(element) for element in node.elements]
    return node.value


def read(source: str | bytes) -> Document:
    """Read JSON text, or the bytes of a file. Never raises: whatever is wrong is in `problems`."""
    encoding_problems: list[tuple[ProblemKind, str, int]] = []
    text = source if isinstance(source, str) else _decode(source, encoding_problems)
    reader = _Reader(text)
    for kind, message, offset in encoding_problems:
        reader.report(kind, message, offset)
    root = reader.read()
    problems = tuple(sorted(reader.problems, key=lambda problem: problem.offset))
    return Document(text, root, problems, reader.line_starts)


def as_text(document: object) -> str | bytes:
    """The text to read: the document itself, or the JSON of one that was parsed already."""
    if isinstance(document, str | bytes):
        return document
    if isinstance(document, bytearray | memoryview):
        return bytes(document)
    try:
        return json.dumps(document, indent=2, ensure_ascii=False, default=str, skipkeys=True)
    except (ValueError, RecursionError):  # it holds itself, or is nested without end
        return str(type(document))


def minified_size(text: str) -> int:
    """Bytes of the text in UTF-8 without the white space between tokens, which is what S3's limits count."""
    return len(_BLANKS_BETWEEN.sub(lambda match: match[1] or "", text).encode("utf-8", "surrogatepass"))


_BLANKS_BETWEEN = re.compile(r'("(?:[^"\\]|\\.)*+"?)|[ \t\r\n]+', re.DOTALL)


# --- reading --------------------------------------------------------------------------------------------------------

_BLANK = re.compile(r"[ \t\r\n]*")
_ODD_BLANK = (
    "\xa0\u2007\u202f\u3000\u200b\u2060\ufeff\x0b\x0c"  # come along when text is copied from a web page or a PDF
)
_COMMENT = re.compile(r"//[^\n]*|#[^\n]*|/\*.*?\*/", re.DOTALL)
_PLAIN_STRING = re.compile(r'"([^"\\\x00-\x1f]*)"')
_STRING_CHUNK = re.compile(r"""[^"'\\\x00-\x1f“”„‘’‚]+""")
_WORD = re.compile(r"[^\s\x00-\x1f{}\[\]:,\"'“”„‘’‚/#]+")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_HEX = re.compile(r"[0-9a-fA-F]{4}")
_QUOTES = {'"': '"', "'": "'", "“": "”“", "”": "”“", "„": "“”", "‘": "’‘", "’": "’‘", "‚": "‘’"}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_FOREIGN_LITERALS: dict[str, tuple[str, bool | None]] = {
    "True": ("true", True), "TRUE": ("true", True), "False": ("false", False), "FALSE": ("false", False),
    "None": ("null", None), "nil": ("null", None), "undefined": ("null", None),
}  # fmt: skip
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
_CLOSING = {"object": "}", "array": "]"}
_OPENING = {"object": "{", "array": "["}
_LEFTOVERS = re.compile(r"[\s}\],;`]*")


class _GiveUpError(Exception):
    """The rest of the text cannot be understood; the problem that says why has been reported."""


@dataclass(slots=True)
class _Frame:
    """A container that is being read."""

    kind: Literal["object", "array"]
    start: int
    members: list[Member] = field(default_factory=list)
    elements: list[Node] = field(default_factory=list)
    keys: dict[str, int] = field(default_factory=dict)
    key: tuple[str, int, int] | None = None  # read, and waiting for its value
    colon: bool = False  # whether the colon after `key` was seen
    comma: int = -1  # offset of a comma that nothing has followed yet

    @property
    def filled(self) -> bool:
        return bool(self.members or self.elements)


class _Reader:
    """Reads one value with an explicit stack; `read` is the only entry."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.problems: list[Problem] = []
        self.line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.stack: list[_Frame] = []
        self.root: Node | None = None
        self.braceless = False

    def report(self, kind: ProblemKind, message: str, offset: int) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(kind, message, offset, *_position(self.line_starts, offset)))

    def give_up(self, kind: ProblemKind, message: str, offset: int) -> _GiveUpError:
        if len(self.problems) >= MAX_PROBLEMS:
            self.problems.pop()  # the reason for stopping must not fall to the limit
        self.report(kind, message, offset)
        return _GiveUpError()

    def line(self, offset: int) -> int:
        return _position(self.line_starts, offset)[0]

    def read(self) -> Node | None:
        if self.text.startswith("\ufeff"):
            self.report("byte-order-mark", "the file starts with a byte order mark; save it as UTF-8 without BOM", 0)
            self.at = 1
        try:
            self._skip_blanks()
            if self.at == len(self.text):
                raise self.give_up("empty", "the document is empty", 0)
            self._open_braceless()
            while self.root is None:
                self._step()
            self._check_the_end()
        except _GiveUpError:
            return None
        return self.root

    def _step(self) -> None:
        """Read one token and give it its place in the innermost container."""
        self._skip_blanks()
        if self.at == len(self.text):
            self._at_end_of_text()
            return
        char = self.text[self.at]
        if char in "{[":
            self._open(char)
        elif char in "}]":
            self._close(char)
        elif char == ",":
            self._comma()
        elif char == ":":
            self._colon()
        elif char in _QUOTES:
            start = self.at
            self._scalar_or_key(self._string(), start)
        else:
            self._word()

    def _skip_blanks(self) -> None:
        text = self.text
        while True:
            match = _BLANK.match(text, self.at)
            assert match is not None
            self.at = match.end()
            if self.at == len(text):
                return
            if text[self.at] in _ODD_BLANK:
                code = f"U+{ord(text[self.at]):04X}"
                self.report("syntax", f"an invisible character ({code}) that JSON does not allow; delete it", self.at)
                self.at += 1
                continue
            comment = _COMMENT.match(text, self.at) if text[self.at] in "/#" else None
            if comment is None:
                return
            self.report("comment", "JSON has no comments; delete it", self.at)
            self.at = comment.end()

    def _open_braceless(self) -> None:
        """V7's guide prints its sample without the opening brace; pasted like that it begins with a key."""
        match = re.compile(r'"[^"\\\n]*"\s*:').match(self.text, self.at)
        if match is not None:
            self.report("missing-brace", "the document does not begin with '{'; put one in front", self.at)
            self.stack.append(_Frame("object", self.at))
            self.braceless = True

    def _open(self, char: str) -> None:
        self._make_room(self.at)
        if len(self.stack) >= MAX_DEPTH:
            raise self.give_up("depth", f"nested deeper than {MAX_DEPTH} levels", self.at)
        self.stack.append(_Frame("object" if char == "{" else "array", self.at))
        self.at += 1

    def _close(self, char: str) -> None:
        if not self.stack:
            raise self.give_up("syntax", f"'{char}' closes nothing", self.at)
        frame = self.stack[-1]
        if char != _CLOSING[frame.kind]:
            opened = f"'{_OPENING[frame.kind]}' of line {self.line(frame.start)}"
            raise self.give_up("syntax", f"found '{char}' where {opened} wants '{_CLOSING[frame.kind]}'", self.at)
        if frame.key is not None:
            raise self.give_up("syntax", f"the key {_shown(frame.key[0])} has no value", frame.key[1])
        if frame.comma >= 0:
            self.report("trailing-comma", f"a comma before '{char}'; delete it", frame.comma)
        self.at += 1
        self._finish(self.at)

    def _finish(self, end: int) -> None:
        frame = self.stack.pop()
        if frame.kind == "object":
            node = Node("object", frame.start, end, members=tuple(frame.members))
        else:
            node = Node("array", frame.start, end, elements=tuple(frame.elements))
        self._place(node)

    def _comma(self) -> None:
        frame = self.stack[-1] if self.stack else None
        if frame is None:
            raise self.give_up("syntax", "a comma where a value was expected", self.at)
        if frame.key is not None:
            raise self.give_up("syntax", f"the key {_shown(frame.key[0])} has no value", frame.key[1])
        if frame.comma >= 0 or not frame.filled:
            self.report("extra-comma", "a comma with nothing before it; delete it", self.at)
        else:
            frame.comma = self.at
        self.at += 1

    def _colon(self) -> None:
        frame = self.stack[-1] if self.stack else None
        if frame is None or frame.key is None or frame.colon:
            within = " in a list; a '{' is missing before its key" if frame and frame.kind == "array" else ""
            raise self.give_up("syntax", f"a ':' that does not belong{within or ' here'}", self.at)
        frame.colon = True
        self.at += 1

    def _word(self) -> None:
        start = self.at
        match = _WORD.match(self.text, start)
        if match is None:
            raise self.give_up("syntax", f"{_shown(self.text[start])} does not belong here", start)
        word = match[0]
        self.at = match.end()
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.kind == "object" and frame.key is None:
            self._unquoted_key(word, start)
            return
        self._make_room(start)
        self._place(self._literal(word, start))

    def _unquoted_key(self, word: str, start: int) -> None:
        following = _BLANK.match(self.text, self.at)
        assert following is not None
        if self.text[following.end() : following.end() + 1] != ":":
            raise self.give_up("syntax", f"{_shown(word)} does not belong here", start)
        self.report("unquoted-key", f'the key {_clip(word)} wants double quotes: "{_clip(word)}"', start)
        self._scalar_or_key(word, start)

    def _literal(self, word: str, start: int) -> Node:
        end = self.at
        if word in _LITERALS:
            value = _LITERALS[word]
            return Node("null" if value is None else "boolean", start, end, value)
        if word in _FOREIGN_LITERALS:
            spelled, value = _FOREIGN_LITERALS[word]
            self.report("literal", f"{word} is written {spelled} in JSON", start)
            return Node("null" if value is None else "boolean", start, end, value)
        if _NUMBER.fullmatch(word):
            return Node("number", start, end, _number(word))
        if word in _NOT_FINITE:
            self.report("number", f"{word} is no JSON number", start)
            return Node("null", start, end)
        if word[0] in "+-.0123456789":
            raise self.give_up("number", f"{_shown(word)} is no JSON number", start)
        hint = _foreign_language(self.text, start) if not self.stack else ""
        raise self.give_up("syntax", f"{_shown(word)} does not belong here; text wants double quotes{hint}", start)

    def _scalar_or_key(self, text: str, start: int) -> None:
        frame = self.stack[-1] if self.stack else None
        if frame is None or frame.kind == "array" or frame.key is not None:
            self._make_room(start)
            self._place(Node("string", start, self.at, text))
            return
        self._want_comma(frame, start)
        if text in frame.keys:
            first = self.line(frame.keys[text])
            self.report("duplicate-key", f"the key {_shown(text)} stands twice, first in line {first}", start)
        frame.keys.setdefault(text, start)
        frame.key, frame.colon, frame.comma = (text, start, self.at), False, -1

    def _make_room(self, start: int) -> None:
        """A value begins at `start`: see to the comma or the colon that must stand before it."""
        if not self.stack:
            return
        frame = self.stack[-1]
        if frame.kind == "array":
            self._want_comma(frame, start)
            frame.comma = -1
        elif frame.key is None:
            raise self.give_up("syntax", 'a value without a key; an object holds "key": value pairs', start)
        elif not frame.colon:
            self.report("missing-colon", f"the ':' after the key {_shown(frame.key[0])} is missing", start)

    def _want_comma(self, frame: _Frame, start: int) -> None:
        if frame.filled and frame.comma < 0:
            last = frame.members[-1].value if frame.kind == "object" else frame.elements[-1]
            line = self.line(last.end - 1)
            where = "before this" if line == self.line(start) else f"at the end of line {line}"
            self.report("missing-comma", f"a comma is missing {where}", start)

    def _place(self, node: Node) -> None:
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        if frame.kind == "array":
            frame.elements.append(node)
            return
        assert frame.key is not None
        frame.members.append(Member(*frame.key, node))
        frame.key = None

    def _string(self) -> str:
        """Read the string that starts here and return its value; leaves `at` behind its closing quote."""
        start = self.at
        plain = _PLAIN_STRING.match(self.text, start)
        if plain is not None:
            self.at = plain.end()
            return plain[1]
        opening = self.text[start]
        closing = _QUOTES[opening]
        if opening != '"':
            kind = "single" if opening == "'" else "typographic"
            self.report("quotes", f'{kind} quotes; JSON wants straight double quotes (")', start)
        self.at += 1
        parts: list[str] = []
        while True:
            chunk = _STRING_CHUNK.match(self.text, self.at)
            if chunk is not None:
                parts.append(chunk[0])
                self.at = chunk.end()
            if self.at == len(self.text) or self.text[self.at] in "\r\n":
                raise self.give_up("unclosed", "the string that starts here is not closed on its line", start)
            char = self.text[self.at]
            if char in closing:
                self.at += 1
                return "".join(parts)
            if char == "\\":
                parts.append(self._escape())
                continue
            if char < " ":
                name = "a tab" if char == "\t" else f"a control character (U+{ord(char):04X})"
                self.report("control-character", f"{name} inside a string; write it as an escape", self.at)
            parts.append(char)
            self.at += 1

    def _escape(self) -> str:
        start = self.at
        char = self.text[start + 1 : start + 2]
        self.at += 2
        if char in _ESCAPES and char:
            return _ESCAPES[char]
        if char == "u":
            return self._unicode_escape(start)
        self.at = start + 1  # what follows stands for itself
        self.report("escape", f"'\\{_clip(char)}' is no JSON escape; a backslash itself is written '\\\\'", start)
        return "" if char in _QUOTES or char in "\r\n" else "\\"

    def _unicode_escape(self, start: int) -> str:
        match = _HEX.match(self.text, self.at)
        if match is None:
            self.report("escape", "'\\u' wants four hexadecimal digits", start)
            return "\\u"
        self.at = match.end()
        code = int(match[0], 16)
        if 0xD800 <= code < 0xDC00 and self.text.startswith("\\u", self.at):
            low = _HEX.match(self.text, self.at + 2)
            if low is not None and 0xDC00 <= int(low[0], 16) < 0xE000:
                self.at = low.end()
                return chr(0x10000 + ((code - 0xD800) << 10) + (int(low[0], 16) - 0xDC00))
        if 0xD800 <= code < 0xE000:
            self.report("escape", f"'\\u{match[0]}' is half of a surrogate pair and no character", start)
            return "\ufffd"
        return chr(code)

    def _at_end_of_text(self) -> None:
        frame = self.stack[-1] if self.stack else None
        if frame is None:
            raise self.give_up("empty", "the document is empty", 0)
        if self.braceless and len(self.stack) == 1 and frame.key is None:
            self.report("unclosed", "the document does not end with '}'", max(len(self.text) - 1, 0))
            self._finish(len(self.text))
            return
        what = "this object" if frame.kind == "object" else "this list"
        wanted = _CLOSING[frame.kind]
        raise self.give_up("unclosed", f"{what} is never closed; '{wanted}' is missing at the end", frame.start)

    def _check_the_end(self) -> None:
        self._skip_blanks()
        if self.at == len(self.text):
            return
        self.report("after-end", "there is more text after the end of the document; delete it", self.at)
        leftovers = _LEFTOVERS.match(self.text, self.at)
        if leftovers is None or leftovers.end() < len(self.text):
            self.root = None  # a bracket too many closed the document early: what follows belongs to it


def _position(line_starts: list[int], offset: int) -> tuple[int, int]:
    line = bisect_right(line_starts, offset)
    return line, offset - line_starts[line - 1] + 1


def _decode(source: bytes, problems: list[tuple[ProblemKind, str, int]]) -> str:
    """Bytes to text, whatever they are; the message names the encoding when it can be told."""
    if source.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        problems.append(("encoding", "the file is UTF-16 (Windows calls it Unicode); save it as UTF-8", 0))
        return source.decode("utf-16", "replace")
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError as error:
        offset = len(source[: error.start].decode("utf-8"))
        byte = source[error.start]
        problems.append(("encoding", f"byte 0x{byte:02x} is not UTF-8; save the file as UTF-8", offset))
        return source.decode("utf-8", "replace")


def _number(word: str) -> float:
    if word.lstrip("-").isdigit() and len(word) < 4000:  # int() refuses longer ones
        return int(word)
    return float(word)


def _foreign_language(text: str, start: int) -> str:
    """A guess, for a document that does not begin like JSON at all."""
    head = text[start : start + 200].lstrip()
    if head.startswith("<"):
        return " (this looks like XML)"
    if head.startswith(("resource ", "data ")):
        return " (this looks like Terraform)"
    if re.match(r"(---|\w+:\s)", head):
        return " (this looks like YAML)"
    return " (this is Markdown)" if head.startswith("```") else ""


def _shown(text: str) -> str:
    return json.dumps(_clip(text), ensure_ascii=False)


def _clip(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"


# --- editing --------------------------------------------------------------------------------------------------------


class Edit(NamedTuple):
    """Put `text` in place of `[start, end)` of a document's text."""

    start: int
    end: int
    text: str


def apply_edits(text: str, edits: list[Edit]) -> str:
    """The text with all edits made; they must not overlap."""
    parts = []
    done = 0
    for edit in sorted(edits, key=lambda each: each[:2]):  # insertions at one place keep their order
        parts += [text[done : edit.start], edit.text]
        done = edit.end
    return "".join([*parts, text[done:]])


def insert_element(document: Document, array: Node, value: Any, index: int | None = None) -> Edit:
    """Put `value` into an array as element `index` (at the end by default), written as its neighbours are."""
    if not array.elements:
        return Edit(array.start, array.end, _only_element(document, array.start, _Style.of(document).item(value)))
    last = len(array.elements)
    index = last if index is None else max(0, min(index, last))
    neighbour = array.elements[min(index, last - 1)]
    own_line = _begins_its_line(document, neighbour.start)
    style = _Style.of(document, neighbour)
    indent = _indent_of_line(document, neighbour.start)
    text = style.indented(style.item(value), indent)
    between = f",{style.newline}{indent}" if own_line else ("," if style.tight else ", ")
    if index == last:
        return Edit(neighbour.end, neighbour.end, between + text)
    return Edit(neighbour.start, neighbour.start, text + between)


def replace(document: Document, node: Node, value: Any) -> Edit:
    """Put `value` in place of `node`, on one line when the node was on one line."""
    style = _Style.of(document, node)
    text = style.indented(style.item(value), _indent_of_line(document, node.start))
    return Edit(node.start, node.end, text)


@dataclass(frozen=True, slots=True)
class _Style:
    """How a document is written: its newline, its unit of indentation ("" when on one line), its blanks."""

    newline: str
    unit: str
    tight: bool  # no blank after ':' and ','

    @classmethod
    def of(cls, document: Document, like: Node | None = None) -> _Style:
        """The style of the document; on one line if the container `like` is."""
        text = document.text
        newline = "\r\n" if "\r\n" in text else "\n"
        tight = re.search(r'":\S', text) is not None and re.search(r'":\s', text) is None
        inline = like is not None and like.kind in ("object", "array") and "\n" not in document.source(like)
        if inline or "\n" not in text.strip():
            return cls(newline, "", tight)
        base = _indent_of_line(document, document.root.start) if document.root else ""
        indents = (match[1] for match in re.finditer(r"\n([ \t]+)\S", text))
        deeper = next((indent[len(base) :] for indent in indents if len(indent) > len(base)), "  ")
        return cls(newline, deeper, tight)

    def item(self, value: Any) -> str:
        if self.unit:
            lines = json.dumps(value, indent=self.unit, ensure_ascii=False)
            return lines.replace("\n", self.newline)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":") if self.tight else (", ", ": "))

    def indented(self, text: str, indent: str) -> str:
        return text.replace("\n", "\n" + indent)


def _only_element(document: Document, offset: int, text: str) -> str:
    """The only element of an array that was empty, between its brackets."""
    style = _Style.of(document)
    if not style.unit:
        return f"[{text}]"
    indent = _indent_of_line(document, offset)
    inner = style.indented(text, indent + style.unit)
    return f"[{style.newline}{indent}{style.unit}{inner}{style.newline}{indent}]"


def _indent_of_line(document: Document, offset: int) -> str:
    start = document.text.rfind("\n", 0, offset) + 1
    match = re.compile(r"[ \t]*").match(document.text, start, offset)
    return match[0] if match else ""


def _begins_its_line(document: Document, offset: int) -> bool:
    start = document.text.rfind("\n", 0, offset) + 1
    return not document.text[start:offset].strip()
