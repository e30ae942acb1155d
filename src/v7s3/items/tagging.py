"""Tags of items: constant (`--tag`), or read from the key (`--tag-from`). Their classes must exist in the V7 team."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from v7s3.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Tags = list[str] | dict[str, str]  # class names, or class name: text (v7-facts §4.2)


@dataclass(frozen=True, slots=True)
class Tagging:
    """The tags every item gets, and a pattern that finds more in a key.

    Named groups of the pattern are classes with what they match as their text; else each unnamed group, or the whole
    match when there is none, is a class. A key that the pattern does not match gets the constant tags only; where
    both give a class its text, the key's counts.
    """

    constant: Tags | None = None
    pattern: re.Pattern[str] | None = None

    def of(self, key: str) -> Tags | None:
        match = self.pattern.search(key) if self.pattern else None
        if match is None:
            return self.constant
        if match.re.groupindex:
            texts = {name: text for name, text in match.groupdict().items() if text}
            return {**self.constant, **texts} if isinstance(self.constant, dict) else texts or None
        classes = [text for text in (match.groups() or (match[0],)) if text]
        return list(dict.fromkeys([*(self.constant or ()), *classes])) or None


def tagging(tags: Sequence[str] = (), tag_from: str = "") -> Tagging:
    """The tagging that these options describe. `tags` are class names, or "class=text". Raises UsageError."""
    if any(not tag or tag.startswith("=") for tag in tags):
        raise UsageError("--tag is empty", hint="write --tag CLASS, or --tag CLASS=TEXT")
    try:
        pattern = re.compile(tag_from) if tag_from else None
    except re.error as error:
        raise UsageError(f"--tag-from {tag_from!r} is no regular expression: {error}") from error
    with_text = {"=" in tag for tag in tags} | ({bool(pattern.groupindex)} if pattern else set())
    if len(with_text) > 1:
        raise UsageError(
            "some tags have a text and some have none; V7 takes either a list of classes or classes with texts",
            hint="give all --tag as CLASS=TEXT and name the groups of --tag-from, or neither",
        )
    if with_text == {True}:
        return Tagging(dict(tag.split("=", 1) for tag in tags) or None, pattern)
    return Tagging(list(dict.fromkeys(tags)) or None, pattern)


def merged_tags(several: Iterable[Tags | None]) -> Tags | None:
    """All of them once, in the order given. Raises ValueError when they differ in kind, or in the text of a class."""
    merged: Tags | None = None
    for tags in several:
        if merged is None or tags is None:
            merged = merged if tags is None else tags
        elif isinstance(merged, dict) and isinstance(tags, dict):
            for name in merged.keys() & tags.keys():
                if merged[name] != tags[name]:
                    raise ValueError(f"the tag {name} would be both {merged[name]!r} and {tags[name]!r}")
            merged = merged | tags
        elif isinstance(merged, list) and isinstance(tags, list):
            merged = list(dict.fromkeys([*merged, *tags]))
        else:
            raise ValueError("some of its tags have a text and some have none")
    return merged
