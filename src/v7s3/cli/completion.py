"""Shell completion with live values: teams, datasets and storages from V7, buckets and prefixes from S3, profiles.

Attached to the options by name, and only while a shell asks: no command knows of it, and none starts slower for it.
Nothing here may print, raise or keep a person waiting: what cannot be had at once is not offered.
"""

from __future__ import annotations

import os
from contextlib import redirect_stderr, suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from typer import _completion_classes
from typer._click.shell_completion import add_completion_class, split_arg_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from v7s3.darwin import Darwin

_PATIENCE = float(os.environ.get("V7S3_COMPLETE_SECONDS", "3"))  # that somebody who pressed TAB waits
_SHOWN = 200  # prefixes of a bucket


def attach(command: Any) -> None:
    """Let the options of a command, or of all commands of a group, and its bucket offer live values."""
    for leaf in [command, *getattr(command, "commands", {}).values()]:
        for parameter in leaf.params:
            is_bucket = parameter.param_type_name == "argument" and "s3://" in (parameter.metavar or "")
            values = _buckets if is_bucket else _VALUES.get(parameter.opts[0])
            if values is not None:
                parameter._custom_shell_complete = _quietly(values)  # noqa: SLF001  # Typer has no way to add it later


def _quietly(values: Callable[[Any, str], Iterable[str]]) -> Callable[[Any, Any, str], list[str]]:
    """`values` as Typer calls it: at most for `_PATIENCE`, and with an empty answer for every trouble."""

    def complete(context: Any, _parameter: Any, incomplete: str) -> list[str]:
        found: list[str] = []

        def ask() -> None:
            with suppress(Exception):  # whatever is wrong, the command itself will say it better
                found.extend(sorted({value for value in values(context, incomplete) if value.startswith(incomplete)}))

        with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):  # noqa: PTH123  # no path, but a way to nowhere
            asking = Thread(target=ask, daemon=True)  # a daemon, so that nobody waits for what came too late
            asking.start()
            asking.join(_PATIENCE)
        return list(found)

    return complete


# --- V7 -------------------------------------------------------------------------------------------------------------
def _darwin(context: Any) -> tuple[Darwin, str]:
    from v7s3.apikey import find_api_key
    from v7s3.cli.options import DARWIN_URL
    from v7s3.darwin import Darwin, Limits

    given = context.params
    key_file, team = given.get("api_key_file"), given.get("team") or ""
    key = find_api_key(os.environ, Path(key_file) if key_file else None, team)
    url = given.get("darwin_url") or DARWIN_URL
    return Darwin(url, key.secret, limits=Limits(attempts=1, timeout=_PATIENCE)), team or key.team


def _teams(context: Any, _incomplete: str) -> Iterable[str]:
    """A key is of one team; darwin-py's configuration may have keys of several."""
    from v7s3.apikey import VARIABLE, saved_teams

    if VARIABLE not in os.environ and not context.params.get("api_key_file"):
        return saved_teams()
    darwin, _ = _darwin(context)
    with darwin:
        return [darwin.token_info().selected_team.slug]


def _datasets(context: Any, _incomplete: str) -> Iterable[str]:
    darwin, _ = _darwin(context)
    with darwin:
        return [dataset.slug for dataset in darwin.datasets()]


def _storages(context: Any, _incomplete: str) -> Iterable[str]:
    darwin, team = _darwin(context)
    with darwin:
        return [storage.name for storage in darwin.storages(team or darwin.token_info().selected_team.slug)]


# --- AWS ------------------------------------------------------------------------------------------------------------
def _buckets(context: Any, incomplete: str) -> Iterable[str]:
    """The account's buckets, and below a bucket its prefixes up to the next slash."""
    from v7s3.s3 import AwsSettings, connect

    given = context.params
    settings = AwsSettings(given.get("profile"), given.get("region"), given.get("endpoint_url"))
    bucket, slash, prefix = incomplete.removeprefix("s3://").partition("/")
    if not incomplete.startswith("s3://") or not slash:
        return [f"s3://{one['Name']}" for one in connect(settings).list_buckets()["Buckets"]]
    page = connect(settings, bucket).list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/", MaxKeys=_SHOWN)
    return [f"s3://{bucket}/{one['Prefix']}" for one in page.get("CommonPrefixes", [])]


def _aws_profiles(_context: Any, _incomplete: str) -> Iterable[str]:
    from v7s3.s3 import AwsSettings, open_session

    return open_session(AwsSettings()).available_profiles


# --- settings -------------------------------------------------------------------------------------------------------
def _settings_profiles(context: Any, _incomplete: str) -> Iterable[str]:
    from v7s3.cli.app import COMMANDS
    from v7s3.cli.defaults import read

    settings = read(context.params.get("config"), "", COMMANDS)
    return settings.profiles if settings is not None else []


_VALUES: dict[str, Callable[[Any, str], Iterable[str]]] = {
    "--team": _teams,
    "--dataset": _datasets,
    "--storage": _storages,
    "--profile": _aws_profiles,
    "--use": _settings_profiles,
}


# --- shells ---------------------------------------------------------------------------------------------------------
class _Bash(_completion_classes.BashComplete):
    """Bash takes a colon for the end of a word, so `s3://acme` arrives as three, and only the third is replaced."""

    _before = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        words, at = split_arg_string(os.environ["COMP_WORDS"]), int(os.environ["COMP_CWORD"])
        words = [*words[: at + 1], *[""] * (at + 1 - len(words))]
        joined: list[str] = []
        for number, word in enumerate(words):
            if joined and (word == ":" or (number > 0 and words[number - 1] == ":")):
                joined[-1] += word
            else:
                joined.append(word)
        incomplete = joined.pop()
        self._before = incomplete[: len(incomplete) - len(words[-1])]
        return joined[1:], incomplete

    def format_completion(self, item: Any) -> str:
        return str(item.value).removeprefix(self._before)


def prepare() -> None:
    """Answer bash as above, and every shell without loading rich: no help text here has markup to take out."""
    add_completion_class(_Bash, "bash")
    _completion_classes._sanitize_help_text = lambda text: text  # noqa: SLF001  # Typer has no switch for it
