"""Findings with their places: what the linters of `access` collect into."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from v7s3.report import Finding, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from v7s3.access.jsontext import Document, Member, Node

_SUGGESTIONS = 50  # a document of nothing but typos must not take minutes


@dataclass(slots=True)
class Findings:
    """What was found in one document so far, each at a place of its text."""

    document: Document
    name: str  # of the document: a file name, or ""
    name_of_part: Callable[[tuple[str | int, ...]], str]  # path -> Sid or rule ID, or ""
    _found: list[tuple[int, Finding]] = field(default_factory=list)
    _suggestions: int = 0
    _mentioned: dict[str, bool] = field(default_factory=dict)

    def add(
        self, rule: Rule, message: str, place: Node | Member | int, *, fix: str = "", severity: Severity | None = None
    ) -> None:
        """Add a finding of `rule` at a value, at a key, or at an offset of the text."""
        offset = place if isinstance(place, int) else place.start
        self._found.append((offset, rule.finding(message, at=self._location(offset), fix=fix, severity=severity)))

    def suggest(self, guess: Callable[[str], str], text: str) -> str:
        """`guess(text)`, for the first few texts only: guessing is slow."""
        self._suggestions += 1
        return guess(text) if self._suggestions <= _SUGGESTIONS else ""

    def mentions(self, text: str) -> bool:
        """Whether the document holds this text anywhere, looked for once."""
        if text not in self._mentioned:
            self._mentioned[text] = text in self.document.text
        return self._mentioned[text]

    def in_order(self) -> list[Finding]:
        """All findings in the order of the text."""
        return [finding for _, finding in sorted(self._found, key=lambda found: found[0])]

    def _location(self, offset: int) -> Location:
        line, column = self.document.position(offset)
        path = self.document.path(offset)
        return Location(self.name, self.document.pointer(offset), self.name_of_part(path), line, column)


def did_you_mean(guess: str) -> str:
    """`; did you mean "…"?`, or "" without a guess."""
    return f"; did you mean {quoted(guess)}?" if guess else ""


def quoted(text: object) -> str:
    """A value as JSON, shortened to a readable length."""
    shown = json.dumps(text, ensure_ascii=False)
    return shown if len(shown) <= 80 else shown[:77] + "…"


def kind_in_words(node: Node) -> str:
    """`a list`, `an object`, `the number 5`: what stands where something else should."""
    words = {"object": "an object", "array": "a list", "null": "null"}
    return words.get(node.kind) or f"the {node.kind} {quoted(node.value)}"
