"""The only writers: results to stdout, everything else to stderr, secrets to neither."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress
from io import TextIOWrapper
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TextIO

from v7s3.render import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_secrets: set[str] = set()
_readers_may_leave = False

# A V7 key: seven characters, a dot, thirty-two characters (v7-facts §1).
_KEY_SHAPE = re.compile(r"(?<![\w-])[\w-]{7}\.[\w-]{32}(?![\w-])")

# The password of an address: of an endpoint or of a proxy, in the words of whoever could not reach it.
_PASSWORD = re.compile(r"(?<=://)[^\s/@:\"']*:[^\s/@\"']*(?=@)")


# The fields of our documents that hold keys, or documents of the bucket's owner.
_DATA = {"storage_key", "storage_keys", "path", "name", "examples", "folder", "before", "after", "diff"}


def keep_secret(value: str) -> None:
    """Never let `value` appear in anything v7s3 writes from now on."""
    if value:
        _secrets.update(
            (value, json.dumps(value)[1:-1])
        )  # a key in a file may be anything, and JSON escapes some of it


def let_readers_leave() -> None:
    """From now on, what nobody reads any more goes nowhere, and raises nothing.

    For a run that was told to stop: Ctrl-C reaches the whole of `v7s3 … | tee log`, and tee leaves first.
    """
    global _readers_may_leave  # noqa: PLW0603  # as the streams, it is the process's own
    _readers_may_leave = True


def scrub(text: str) -> str:
    """For results, whose keys and documents are data: what is known to be secret, and passwords in addresses."""
    return _PASSWORD.sub("***", _without_secrets(text))


def scrub_json(text: str, indent: int | None = None) -> str:
    """As `scrub`, for a JSON document, in which an object's key stays as it is though it looks like an address."""
    text = _without_secrets(text)
    if _PASSWORD.search(text) is None:  # nearly always, and a report has a line for every key
        return text
    return json.dumps(_without_passwords(json.loads(text)), indent=indent, ensure_ascii=False)


def _without_passwords(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: one if name in _DATA else _without_passwords(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_passwords(one) for one in value]
    return _PASSWORD.sub("***", value) if isinstance(value, str) else value


def _without_secrets(text: str) -> str:
    for secret in _secrets:
        text = text.replace(secret, "***")
    return text


def scrub_shapes(text: str) -> str:
    """For messages: also whatever looks like a V7 key. An object's key may: `picture.` and 32 hexadecimal digits."""
    return _KEY_SHAPE.sub("***", scrub(text))


def result(text: str) -> None:
    """Write a result to stdout, with a newline at its end."""
    _write(sys.stdout, text)


def result_json(document: Mapping[str, Any]) -> None:
    """Write a versioned JSON document to stdout."""
    text = json.dumps({"version": 1, **document}, indent=2, ensure_ascii=False)
    _write_or_let_go(sys.stdout, scrub_json(text, indent=2))


def result_document(text: str) -> None:
    """Write a document that is to be used as it is, as a policy, to stdout."""
    _write_or_let_go(sys.stdout, _without_secrets(text))


def result_file(lines: Iterable[str]) -> None:
    """Write a file to stdout, byte for byte as it would be on disk: UTF-8 in any locale, because it is read again."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="strict", newline="\n")
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Write a line of progress, a warning or a hint to stderr."""
    _write(sys.stderr, one_line(text))


def note_text(text: str) -> None:
    """Write a text of several lines, or in colour, to stderr."""
    _write(sys.stderr, text)


def fail(code: str, message: str, hint: str = "", *, details: Sequence[str] = (), exit_code: int, as_json: bool) -> int:
    """Write one error to stderr and return its exit code. `details` are further lines of the message."""
    if as_json:
        error = {"code": code, "message": "\n".join([message, *details]), "hint": hint}
        text = json.dumps({"version": 1, "error": error}, ensure_ascii=False)
    else:
        lines = [f"error: {message}", *details, *([f"  next: {hint}"] if hint else [])]
        text = "\n".join(map(one_line, lines))
    try:
        _write(sys.stderr, text)
    except OSError:  # nobody reads it, or its disk is full: the exit code still tells
        with suppress(OSError):
            sys.stderr.close()
    return exit_code


def asked_for_json(arguments: Sequence[str], defaults: Mapping[str, Any]) -> bool:
    """Whether errors are to be JSON: `--format` as it was typed, else as the settings have it for this command.

    Read by hand, because a command line that cannot be parsed must be answered in the same way. `defaults` is Typer's
    `default_map`: the command's, below the names that lead to it.
    """
    typed = [value for name, value in pairwise([*arguments, ""]) if name == "--format"]
    typed += [word.removeprefix("--format=") for word in arguments if word.startswith("--format=")]
    if typed:
        return "json" in typed
    for word in arguments:
        below = defaults.get(word)
        defaults = below if isinstance(below, dict) else defaults
    return bool(defaults.get("form") == "json")


def use_colour(stream: TextIO) -> bool:
    """NO_COLOR and TERM=dumb switch colour off, CLICOLOR_FORCE on; else a terminal decides."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("CLICOLOR_FORCE")) or stream.isatty()


def _write(stream: TextIO, text: str) -> None:
    _write_or_let_go(stream, scrub_shapes(text) if stream is sys.stderr else scrub(text))


def _write_or_let_go(stream: TextIO, text: str) -> None:
    try:
        _write_line(stream, text)
    except BrokenPipeError:
        if not _readers_may_leave:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # also for what the stream still holds


def _write_line(stream: TextIO, text: str) -> None:
    try:
        stream.write(text + "\n")
    except UnicodeEncodeError:  # a C locale: keys are opaque and may hold anything
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()
