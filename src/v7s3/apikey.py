"""Where the V7 API key comes from: a file, else V7_API_KEY, else darwin-py's configuration. Never the command line.

The key itself is a `SecretStr`: it shows in no repr and no message. Nothing here repeats what a file or a variable
holds, not even when it is not a key, because it may be half of one.
"""

from __future__ import annotations

import re
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import SecretStr

from v7s3.errors import CredentialsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "V7_API_KEY"
_SHAPE = re.compile(r".{7}\..{32}")  # as V7's own scripts check it (v7-facts §1)
_HOW_TO_GET_ONE = (
    "make a key in V7 under Settings → API keys (https://darwin.v7labs.com/?settings=api-keys) with the permission "
    f"'Add data to datasets', then `export {VARIABLE}=…` or use --api-key-file"
)


@dataclass(frozen=True)
class ApiKey:
    """A key, where it was found, and the slug of its team where the place tells ("" where it does not)."""

    secret: SecretStr
    source: str  # "env V7_API_KEY", "file /run/secrets/v7", "darwin-py ~/.darwin/config.yaml, team acme"
    team: str = ""
    warnings: tuple[str, ...] = ()


def find_api_key(environ: Mapping[str, str], key_file: Path | None = None, team: str = "") -> ApiKey:
    """The key to use: of `key_file` when there is one; for `team` when darwin-py's configuration has several.

    Raises CredentialsError when there is none or it is empty, UsageError when a file cannot be read.
    """
    if key_file is not None:
        return _api_key(_text_of(key_file), f"file {key_file}", warnings=_exposure(key_file))
    if VARIABLE in environ:
        return _api_key(environ[VARIABLE], f"env {VARIABLE}")
    config = _darwin_py()
    if config.exists():
        return _from_darwin_py(config, team)
    raise CredentialsError("there is no V7 API key", hint=_HOW_TO_GET_ONE)


def saved_teams() -> list[str]:
    """The teams that darwin-py's configuration has keys for. Raises UsageError when it cannot be read."""
    config = _darwin_py()
    return list(_mapping(_parsed(config).get("teams"))) if config.exists() else []


def _darwin_py() -> Path:
    return Path("~/.darwin/config.yaml").expanduser()


def _from_darwin_py(config: Path, team: str) -> ApiKey:
    """The key `darwin authenticate` saved: under `teams: {slug: {api_key}}`, with `global: {default_team}`.

    Its rule for the team, when none is asked for: the default team, else the only one (darwin/config.py).
    """
    document = _parsed(config)
    teams = _mapping(document.get("teams"))
    default = _mapping(document.get("global")).get("default_team")
    slug = team or (str(default) if default else "") or (next(iter(teams)) if len(teams) == 1 else "")
    if not slug:
        raise CredentialsError(
            f"{config} has {'several teams and no default one' if teams else 'no team'}",
            hint=f"choose with --team: {', '.join(teams)}" if teams else _HOW_TO_GET_ONE,
        )
    key = _mapping(teams.get(slug)).get("api_key")
    if not isinstance(key, str):
        known = f"it has keys for {', '.join(teams)}; " if teams else ""
        raise CredentialsError(f"{config} has no API key for team {slug!r}", hint=known + _HOW_TO_GET_ONE)
    return _api_key(key, f"darwin-py {config}, team {slug}", team=slug, warnings=_exposure(config))


def _parsed(config: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(_text_of(config))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        # Without the cause: PyYAML quotes the line it stumbled over, and the key may stand in it.
        raise UsageError(
            f"{config} is not valid YAML{where}",
            hint=f"write it anew with `darwin authenticate`, or `export {VARIABLE}=…`",
        ) from None
    return _mapping(document)


def _mapping(value: object) -> dict[str, Any]:
    return {str(name): one for name, one in value.items()} if isinstance(value, dict) else {}


def _text_of(path: Path) -> str:
    try:
        return path.expanduser().read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(
            f"cannot read the API key file {path}: {error.strerror}", hint="check its name and its permissions"
        ) from error
    except UnicodeDecodeError:
        raise UsageError(
            f"the API key file {path} is not text", hint="it should hold the key and nothing else"
        ) from None


def _api_key(text: str, source: str, team: str = "", warnings: tuple[str, ...] = ()) -> ApiKey:
    """The key in `text`, freed of what pasting brings along. Raises CredentialsError when it cannot be a key."""
    key = text.strip().removeprefix("ApiKey ").strip().strip("\"'").strip()
    if not key:
        raise CredentialsError(f"the V7 API key is empty ({source})", hint=_HOW_TO_GET_ONE)
    if not all("!" <= character <= "~" for character in key):
        raise CredentialsError(
            f"the V7 API key has blanks or other characters that no key has ({source})",
            hint="it should be the key and nothing else: seven characters, a dot, thirty-two characters",
        )
    if not _SHAPE.fullmatch(key):
        warnings = (
            *warnings,
            f"the V7 API key ({source}) does not look like one: seven characters, a dot, thirty-two characters",
        )
    return ApiKey(SecretStr(key), source, team, warnings)


def _exposure(path: Path) -> tuple[str, ...]:
    if sys.platform == "win32":
        return ()
    mode = path.expanduser().stat().st_mode
    if not mode & (stat.S_IRGRP | stat.S_IROTH):
        return ()
    return (f"other users of this machine can read the API key in {path}: `chmod 600 {path}`",)
