"""Every command that does something, as it is typed."""

from __future__ import annotations

import typer

from v7s3.cli.app import COMMANDS, app


def every_command() -> list[tuple[str, ...]]:
    """("doctor",), ("policy", "check"), …"""
    group = typer.main.get_command(app)
    found: list[tuple[str, ...]] = []
    for name in COMMANDS:
        below = getattr(group.get_command(None, name), "commands", {})
        found += [(name, leaf) for leaf in below] or [(name,)]
    return found
