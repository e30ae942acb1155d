"""Why no artifacts can be made of an object."""

from __future__ import annotations

from typing import NamedTuple


class Refusal(NamedTuple):
    """A value in the stream, not an exception: the run goes on with the next object."""

    reason: (
        str  # one line for a person: what is wrong with the file, in a decoder's words where nothing better is known
    )


def words_of(error: BaseException) -> str:
    """What a decoder says about its failure, in one line: its message, after the exception's name where it is no
    sentence ("KeyError: 'Rows'")."""
    said = getattr(error, "strerror", None) or str(error)  # FFmpeg's errors have the file's name in their text
    return (said if " " in said else f"{type(error).__name__}: {said}".removesuffix(": ")).replace("\n", " ")
