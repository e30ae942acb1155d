"""Why no artifacts can be made of an object."""

from __future__ import annotations

from typing import NamedTuple


class Refusal(NamedTuple):
    """A value in the stream, not an exception: the run goes on with the next object."""

    reason: str  # one line for a person: what is wrong with the file, not which exception a decoder chose
