"""What can be said of a bucket without a network: its name, and documents that lie in files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from v7s3.access.cors_check import document_check
from v7s3.access.cors_source import read_source
from v7s3.access.cors_write import mending_command
from v7s3.access.policy_check import as_argument
from v7s3.access.profile import AccessProfile
from v7s3.doctor.naming import judge_name
from v7s3.doctor.probe import Answer, Probe, Unknown
from v7s3.doctor.probes import PROBES, judge_policy
from v7s3.doctor.public import PublicAccess, judge_public_access

if TYPE_CHECKING:
    from collections.abc import Callable

    from v7s3.doctor.reads import Asked

_NETWORK = Unknown("needs the network")


@dataclass(frozen=True, slots=True)
class Documents:
    """The files' bytes, None for a file that was not given, and what to call them."""

    policy: bytes | None = None
    policy_name: str = ""
    cors: bytes | None = None
    cors_name: str = ""


def offline_probes(asked: Asked, documents: Documents) -> tuple[Probe[None], ...]:
    """The same probes by ident; those that have nothing to look at say what they would need."""
    lookers: dict[str, Callable[[], Answer]] = {
        "name": lambda: judge_name(asked.bucket),
        "policy": lambda: _policy(asked, documents),
        "public-access": lambda: _public(documents),
        "cors": lambda: _cors(asked, documents),
    }
    return tuple(
        Probe(
            probe.ident,
            probe.title,
            _looker(lookers.get(probe.ident)),
            after=("name",) if probe.ident != "name" else (),
        )
        for probe in PROBES
    )


def _looker(look: Callable[[], Answer] | None) -> Callable[[None], Answer]:
    return lambda _: look() if look is not None else Answer("", unknown="needs the network")


def _policy(asked: Asked, documents: Documents) -> Answer:
    if documents.policy is None:
        return Answer("", unknown="needs --policy-file")
    access = asked.access or "read-write"
    written = None if access == "read-only" else asked.write_prefix
    profile = AccessProfile.of(access, asked.key, written)
    source = "assumed, because V7 was not asked" if asked.access is None else "as given on the command line"
    context = {"aws:SecureTransport": "true"}
    return judge_policy(asked.bucket, documents.policy, profile, source, context, documents.policy_name)


def _public(documents: Documents) -> Answer:
    if documents.policy is None:
        return Answer("", unknown="needs --policy-file")
    text = documents.policy.decode("utf-8", "replace")
    return judge_public_access(PublicAccess(text, _NETWORK, _NETWORK, _NETWORK))


def _cors(asked: Asked, documents: Documents) -> Answer:
    if documents.cors is None:
        return Answer("", unknown="needs --cors-file")
    source = read_source(documents.cors, documents.cors_name)
    command = f"v7s3 cors write --merge {as_argument(documents.cors_name)}"
    check = document_check(source, asked.origins, mending_command(command, source.configuration, asked.origins))
    return Answer(check.summary, check.findings, check.notes)
