"""Options are text: what a shell or an environment gives that is not UTF-8 is refused before a command begins."""

from __future__ import annotations

from typing import Any

from typer._click.types import STRING, StringParamType


class _Text(StringParamType):
    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        text = str(super().convert(value, param, ctx))
        try:
            text.encode()
        except UnicodeEncodeError:
            self.fail(f"{text!r} is not UTF-8", param, ctx)
        return text


_TEXT = _Text()


def require_text(command: Any) -> None:
    """Let a command, or all commands of a group, take nothing but UTF-8, except for the names of files.

    A slug, a key or a pattern with a byte that is no character could be neither sent to V7 or S3 nor remembered.
    """
    for leaf in [command, *getattr(command, "commands", {}).values()]:
        for parameter in leaf.params:
            if parameter.type is STRING and "FILE" not in (parameter.metavar or ""):
                parameter.type = _TEXT
