"""`v7s3.toml`: which of its tables speak to a command, and what may not stand in it.

    team = "acme"                  # shared: for every command that has the option
    region = "eu-west-1"
    aws-profile = "labeling"       # the option --profile; [profile.…] is something else, see below

    [register]                     # one command's own options, by their long names
    strip-prefix = "raw/"

    [policy.check]                 # … or those of one command below it

    [profile.staging]              # chosen by `v7s3 --use staging` or V7S3_PROFILE; goes before the rest
    team = "acme-staging"

    [profile.staging.register]
    limit = 100

The file is meant to be committed and shared: it can hold no secret, give no consent, and send no key elsewhere.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from v7s3.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

PROFILES = "profile"  # the table of tables that --use chooses from

# The keys that mean the same to every command that has the option.
SHARED = (
    "team",
    "dataset",
    "storage",
    "darwin-url",
    "api-key-file",
    "aws-profile",
    "region",
    "endpoint-url",
    "write-prefix",
    "quiet",
    "verbose",
)
_OPTIONS = {"aws-profile": "profile"}  # keys that are spelled otherwise than their option

# A V7 key, an AWS access key's ID: wherever in the file, be it in a comment (v7-facts §1, AWS's "IAM identifiers").
_SECRET = re.compile(r"(?<![\w-])[\w-]{7}\.[\w-]{32}(?![\w-])|(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])")
_SECRET_NAME = re.compile(r"(?:^|-)(?:api-?key|secret|token|password|credentials?|access-key(?:-id)?)$")


class Setting(NamedTuple):
    """A value and the path of names that leads to it, such as ("profile", "staging", "register", "limit")."""

    path: tuple[str, ...]
    value: Any


@dataclass(frozen=True)
class Settings:
    """A settings file that was read and checked, and the profile that was chosen ("" for none)."""

    path: Path
    text: str
    document: Mapping[str, Any]
    use: str = ""

    @property
    def profiles(self) -> list[str]:
        return list(self.document.get(PROFILES, {}))

    def for_command(self, command: Sequence[str], options: Collection[str]) -> dict[str, Setting]:
        """What the file says to a command such as ("policy", "check"), by option without its dashes.

        The command's own table goes before its group's, that before the shared keys, and the profile before all three.
        """
        found: dict[str, Setting] = {}
        for root in ((), (PROFILES, self.use)):
            for depth in range(len(command) + 1):
                path = (*root, *command[:depth])
                for key, value in self._table(path).items():
                    option = option_of(key)
                    if option in options and not isinstance(value, dict):
                        found[option] = Setting((*path, key), value)
        return found

    def check(self, command: Sequence[str], options: Collection[str], below: Collection[str] = ()) -> None:
        """Raise UsageError for a key in the command's own tables that is none of its options, nor a command `below`."""
        for root in ((), *((PROFILES, profile) for profile in self.profiles)):
            path = (*root, *command)
            for key, value in self._table(path).items():
                if key in below if isinstance(value, dict) else option_of(key) in options:
                    continue
                named = f"`v7s3 {' '.join(command)}`"
                if option_of(key) in options:
                    table = ".".join(path)
                    message = f"{key!r} is an option of {named}, and not a table"
                    raise self.problem((*path, key), message, f"write {key} = … below [{table}]")
                raise self.problem(
                    (*path, key),
                    f"{named} has no option {key!r}{_did_you_mean(option_of(key), [*options, *below])}",
                    f"{named[:-1]} --help` lists its options",
                )

    def line(self, path: Sequence[str]) -> int:
        """The line, from 1, where `path` begins.

        tomllib tells no positions, so the beginnings of the file are parsed, one line longer each time.
        """
        lines = self.text.splitlines(keepends=True)
        complete = 0  # so many lines are TOML on their own, and do not have it yet
        for count in range(1, len(lines) + 1):
            try:
                found: Any = tomllib.loads("".join(lines[:count]))
            except tomllib.TOMLDecodeError:
                continue
            for name in path:
                found = found.get(name) if isinstance(found, dict) else None
            if found is not None:
                break
            complete = count
        return complete + 1

    def place(self, setting: Setting) -> str:
        """`v7s3.toml:3`."""
        return f"{self.path.name}:{self.line(setting.path)}"

    def problem(self, path: Sequence[str], message: str, hint: str) -> UsageError:
        return UsageError(f"{self.path}:{self.line(path)}: {message}", hint=hint)

    def _table(self, path: Sequence[str]) -> Mapping[str, Any]:
        table: Mapping[str, Any] = self.document
        for name in path:
            table = table.get(name, {})
            if not isinstance(table, dict):
                raise self.problem(path, f"{name!r} is a table", f"write [{'.'.join(path)}], and its keys below it")
        return table


def option_of(key: str) -> str:
    """The option that a key stands for; `strip_prefix` is `strip-prefix`."""
    key = key.replace("_", "-")
    return _OPTIONS.get(key, key if key not in _OPTIONS.values() else "")


def read_settings(path: Path, use: str, commands: Collection[str]) -> Settings:
    """Read the file and check all that does not depend on the options of one command.

    Raises UsageError when it cannot be read, is not TOML, holds a secret, has a key or table that is neither shared nor
    one of `commands`, or lacks the profile `use`. No message repeats a value.
    """
    settings = _parsed(path, use)
    profiles = settings.document.get(PROFILES, {})
    if not isinstance(profiles, dict) or not all(isinstance(table, dict) for table in profiles.values()):
        raise settings.problem(
            (PROFILES,),
            "`profile` is the table of profiles, which --use chooses from",
            "the AWS profile is `aws-profile`; a profile of settings begins with [profile.NAME]",
        )
    _check_everywhere(settings, (), settings.document)
    _check_top(settings, (), {key: value for key, value in settings.document.items() if key != PROFILES}, commands)
    for name, table in profiles.items():
        _check_top(settings, (PROFILES, name), table, commands)
    if use and use not in profiles:
        known = f"its profiles: {', '.join(profiles)}" if profiles else f"it has none; one begins with [profile.{use}]"
        raise UsageError(f"{path} has no profile {use!r}{_did_you_mean(use, profiles)}", hint=known)
    return settings


def _parsed(path: Path, use: str) -> Settings:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint="check --config and V7S3_CONFIG") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 (byte {error.start})", hint="save it as UTF-8") from None
    if found := _SECRET.search(text):  # before anything that could quote the file
        raise _refused_secret(f"{path}:{text.count(chr(10), 0, found.start()) + 1}")
    try:
        return Settings(path, text, tomllib.loads(text), use)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}", hint="https://toml.io shows how it is written") from None


def _check_top(settings: Settings, at: tuple[str, ...], table: Mapping[str, Any], commands: Collection[str]) -> None:
    """What stands at the top of the file or of a profile is a shared key or the table of a command."""
    for key, value in table.items():
        if key in commands if isinstance(value, dict) else key.replace("_", "-") in SHARED:
            continue
        if isinstance(value, dict):
            message = f"there is no command {key!r}{_did_you_mean(key, commands)}"
            raise settings.problem((*at, key), message, f"tables are named after commands: {', '.join(commands)}")
        near = _did_you_mean(key.replace("_", "-"), SHARED)
        message = f"{key!r} is no setting that commands share{near}"
        hint = f"shared are {', '.join(SHARED)}; other options stand in the table of their command, such as [register]"
        raise settings.problem((*at, key), message, hint)


def _check_everywhere(settings: Settings, at: tuple[str, ...], table: Mapping[str, Any]) -> None:
    """What may stand nowhere in the file, because others write to it, too, and it is kept."""
    for key, value in table.items():
        path = (*at, key)
        name = key.replace("_", "-").lower()
        if isinstance(value, dict):
            _check_everywhere(settings, path, value)
        elif _SECRET_NAME.search(name):
            raise _refused_secret(f"{settings.path}:{settings.line(path)}")
        elif name == "yes":
            raise settings.problem(
                path, "`yes` is consent, and nobody gives that beforehand", "give --yes when you run it"
            )
        elif name == "darwin-url" and not _is_v7(str(value)):
            raise settings.problem(
                path,
                "this address is not V7's, and whoever may write this file would get your API key",
                "give it yourself: --darwin-url, or DARWIN_BASE_URL in your environment",
            )


def _is_v7(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "v7labs.com" or host.endswith(".v7labs.com") or host in ("localhost", "127.0.0.1", "::1")


def _refused_secret(place: str) -> UsageError:
    return UsageError(
        f"{place}: this looks like a secret; settings files hold none, because they are committed and shared",
        hint="take it out (and make a new one, if others could see it); the V7 key comes from V7_API_KEY or "
        "`api-key-file = PATH`, AWS credentials from AWS's own files",
    )


def _did_you_mean(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
