"""What `v7s3 whoami` finds out about each side, as plain values."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from v7s3.apikey import find_api_key
from v7s3.cli.defaults import check_all, origins, settings_of
from v7s3.cli.output import keep_secret
from v7s3.cli.progress import duration
from v7s3.darwin import Darwin, Limits
from v7s3.errors import V7S3Error
from v7s3.s3 import connect, credentials_source, open_session, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from v7s3.s3 import AwsSettings, CredentialsSource

T = TypeVar("T")

_SOON = timedelta(minutes=15)  # credentials that end sooner do not see a run through
_LIMITS = Limits(attempts=2, timeout=15.0)  # a question that somebody waits for
_SHOWN = 8  # names of storages and datasets


class Fact(NamedTuple):
    name: str
    value: str
    source: str = ""
    detail: bool = False  # shown only with -v


class Problem(NamedTuple):
    message: str
    hint: str


@dataclass
class Side:
    name: str  # "aws", "v7", "settings": the key in JSON
    title: str
    who: str = "unknown"
    facts: list[Fact] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The published JSON of this side."""
        return {
            "ok": not self.problems,
            "who": self.who,
            "facts": [{"name": one.name, "value": one.value, "source": one.source} for one in self.facts],
            "problems": [problem._asdict() for problem in self.problems],
        }

    def tried(self, ask: Callable[[], T]) -> T | None:
        """The answer, or None and one more problem."""
        try:
            return ask()
        except V7S3Error as error:
            self.problems.append(Problem(error.message, error.hint))
            return None


# --- AWS ------------------------------------------------------------------------------------------------------------
def aws_side(settings: AwsSettings) -> Side:
    side = Side("aws", "AWS")
    session = side.tried(lambda: open_session(settings))
    source = side.tried(lambda: credentials_source(session)) if session is not None else None
    if session is None or source is None:
        return side
    _credentials(side, source, session.profile_name)
    side.facts.append(Fact("region", session.region_name or "the bucket is asked"))
    elsewhere = settings.endpoint_url or os.environ.get("AWS_ENDPOINT_URL_S3")
    if elsewhere:
        side.who = f"not asked, because S3 is at {elsewhere}"
    else:
        side.tried(lambda: _caller(side, settings))
    return side


def _caller(side: Side, settings: AwsSettings) -> None:
    with translated("AWS"):
        caller = connect(settings, service="sts").get_caller_identity()
    side.who = caller["Arn"]
    side.facts.insert(0, Fact("account", caller["Account"]))


def _credentials(side: Side, source: CredentialsSource, profile: str) -> None:
    # Masked as `aws configure list` does.
    side.facts.append(Fact("credentials", f"access key ****************{source.access_key[-4:]}", source.words))
    if source.expires is None:
        return
    left = source.expires - datetime.now(UTC)
    side.facts.append(Fact("expire", f"{source.expires:%Y-%m-%d %H:%M} UTC, in {duration(left.total_seconds())}"))
    if left < _SOON:
        named = f" --profile {profile}" if profile != "default" else ""
        mend = f"aws sso login{named}, or fetch a new session token"
        side.problems.append(Problem("the AWS credentials end too soon for a run", mend))


# --- V7 -------------------------------------------------------------------------------------------------------------
def v7_side(url: str, key_file: Path | None, team: str, dataset: str, storage: str) -> Side:
    side = Side("v7", "V7")
    key = side.tried(lambda: find_api_key(os.environ, key_file, team))
    if key is None:
        return side
    secret = key.secret.get_secret_value()
    keep_secret(secret)
    side.facts.append(Fact("API key", f"{secret[:3]}****", key.source))
    side.problems += [Problem(warning, "") for warning in key.warnings]
    darwin = side.tried(lambda: Darwin(url, key.secret, limits=_LIMITS))
    if darwin is None:
        return side
    with darwin:
        info = side.tried(darwin.token_info)
        if info is None:
            return side
        own = info.selected_team.slug
        side.who = f"team {own} at {darwin.base_url}"
        if team and team != own:
            side.problems.append(
                Problem(
                    f"the API key is of team {own!r}, but the team is set to {team!r}",
                    f"--team {own}, or a key of {team!r} from V7's Settings → API keys",
                )
            )
            return side
        _rights(side, darwin, own, dataset, storage)
    return side


def _rights(side: Side, darwin: Darwin, team: str, dataset: str, storage: str) -> None:
    """What the key may list, and whether the storage and the dataset of the settings are there."""
    storages = side.tried(lambda: [one.name for one in darwin.storages(team)])
    if storages is not None:
        side.facts.append(Fact("storages", _listed(storages)))
        _known(side, "storage", storage, storages)
    datasets = side.tried(lambda: [one.slug for one in darwin.datasets()])
    if datasets is not None:
        side.facts.append(Fact("datasets", _listed(datasets)))
        _known(side, "dataset", dataset, datasets)


def _known(side: Side, kind: str, name: str, known: Collection[str]) -> None:
    from difflib import get_close_matches

    if name and name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean --{kind} {near[0]}?" if near else f"choose one of the {kind}s above with --{kind}"
        side.problems.append(Problem(f"there is no {kind} {name!r} that this key can see", hint))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) + more) or "none"


# --- settings -------------------------------------------------------------------------------------------------------
def settings_side(context: Any) -> Side:
    """Every setting that V7 and AWS are asked with, and whether the whole file makes sense to the commands it names."""
    settings = settings_of(context)
    who = (
        "no v7s3.toml"
        if settings is None
        else f"{settings.path}" + (f", profile {settings.use}" if settings.use else "")
    )
    side = Side("settings", "Settings", who)
    for name, origin in origins(context).items():
        if name not in ("format", "quiet", "verbose"):
            value = "" if origin.value is None else str(origin.value)
            side.facts.append(Fact(name, value or "-", origin.source, detail=origin.source == "default"))
    if settings is not None:
        side.problems += [Problem(error.message, error.hint) for error in check_all(context, settings)]
    return side
