"""One run of the doctor: who asks, what is asked, and what to do next."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import typer

from v7s3 import __version__
from v7s3.apikey import find_api_key
from v7s3.cli.output import keep_secret, note, scrub_shapes
from v7s3.cli.session import find_storage
from v7s3.darwin import Darwin, Limits
from v7s3.doctor.aws import Aws
from v7s3.doctor.bundle import make_bundle
from v7s3.doctor.canary import CALLS, Canary, make_plan
from v7s3.doctor.probe import Probe, Unknown, attempt, examine
from v7s3.doctor.probes import PROBES
from v7s3.doctor.reads import Reads
from v7s3.doctor.run import Round
from v7s3.doctor.v7 import V7
from v7s3.errors import CredentialsError, UsageError
from v7s3.render.json import document
from v7s3.report import Report
from v7s3.s3 import AwsSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from v7s3.cli.doctor_job import Job
    from v7s3.doctor.canary import Plan
    from v7s3.doctor.reads import Asked
    from v7s3.report import Check, Finding

_FOR_HEADING = 1.0  # seconds to wait for what only the heading wants
_FOR_WARNING = 15.0  # seconds for the checks of a command that does something else
_BUCKET_SIDE = {"bucket", "policy", "public-access", "encryption", "requester-pays", "cors"}
_LIMITS = Limits(attempts=3, timeout=20)


class Examination:
    """Opens both sides, runs the probes and words the report. Raises UsageError for settings that cannot be used."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.asked = job.asked
        self.v7 = _open_v7(self.asked, job.darwin_url, job.api_key_file)
        self.aws = Aws(AwsSettings(job.profile, job.region, job.endpoint_url))
        self.reads = Reads(self.asked, self.aws, self.v7)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.aws.close()
        self.v7.close()

    def run(self) -> Report:
        """With --canary the person is asked first. Raises UsageError when there is nobody to ask."""
        plan = self._canary_plan() if self.job.canary else None
        probes = [probe for probe in PROBES if probe.ident in self.job.chosen]
        found = Round(probes, self.reads, self.job.timeout, self._done).run()
        if plan is not None:
            found = (*found, self._fly(plan, found))
        checks = tuple(made_specific(check, self.asked.bucket) for check in found)
        return Report(self.asked.url, checks, self.heading(), next_steps(checks, self.asked))

    def _canary_plan(self) -> Plan | None:
        """What the canary will write, told and agreed to; None when it is only to be told (--dry-run)."""
        if not self.asked.dataset:
            raise UsageError("the canary needs a dataset to be registered in", hint="give --dataset")
        if self.v7.why:
            raise CredentialsError(self.v7.why, hint="the canary registers an item: export V7_API_KEY=…")
        storage = find_storage(self.v7.darwin, self.v7.team, self.asked.storage)
        if storage.bucket and storage.bucket != self.asked.bucket:
            raise UsageError(
                f"V7's storage {storage.name!r} is the bucket {storage.bucket!r}, not {self.asked.bucket!r}",
                hint="choose the bucket's storage with --storage",
            )
        token, now = secrets.token_hex(4), datetime.now(UTC)
        plan = make_plan(self.asked.bucket, self.reads.folder(), storage, self.v7.team, self.asked.dataset, now, token)
        note("The canary will")
        for line in plan.words():
            note(f"  {line}")
        if self.job.dry_run:
            note("Dry run: nothing is written.")
            return None
        if not self.job.yes and not sys.stdin.isatty():
            raise UsageError(
                "the canary writes to the bucket, and there is no terminal to ask on",
                hint="`--yes` writes without asking, `--dry-run` only says what would be written",
            )
        if not self.job.yes and not typer.confirm("Go on?", err=True):
            note("nothing was written")
            raise typer.Abort
        return plan

    def _fly(self, plan: Plan, checks: Sequence[Check]) -> Check:
        flight = Canary(
            plan,
            self.aws,
            self.v7.darwin,
            checks,
            self.asked.origins,
            self.job.canary_timeout,
            (lambda _line: None) if self.job.quiet else lambda line: note(f"canary: {line}"),
        )
        return examine(Probe("canary", "one picture through the whole chain", Canary.fly, CALLS), flight)

    def write_bundle(self, report: Report, path: Path) -> None:
        """Write the support bundle, readable by its owner alone. Raises UsageError when it cannot be written."""
        keys = () if self.job.with_keys else self.reads.keys_seen
        bundle = make_bundle(document(report), report.heading, self.aws.exchanged, keys, datetime.now(UTC))
        text = scrub_shapes(json.dumps(bundle, indent=2, ensure_ascii=False)) + "\n"
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                path.chmod(0o600)  # also when it was there before
                file.write(text)
        except OSError as error:
            raise UsageError(f"the bundle {path} cannot be written: {error.strerror}") from error
        note(f"bundle: {path}" + ("" if self.job.with_keys else ", without names of objects"))

    def _done(self, check: Check) -> None:
        if check.ident == "bucket":
            self.aws.enter(self.reads.region)  # here, because clients are made in the main thread

    def heading(self) -> str:
        """`v7s3 0.1 · AWS 111122223333 as role/ci (…, ends in 52 min) · V7 team acme (env V7_API_KEY)`."""
        return f"v7s3 {__version__} · {self._aws_words()} · {self._v7_words()}"

    def _aws_words(self) -> str:
        caller = attempt(lambda: self.reads.caller(_FOR_HEADING))
        if isinstance(caller, Unknown):
            return f"AWS: {str(caller).removeprefix('AWS: ')}"
        ends = ""
        if caller.expires is not None:
            minutes = max(int((caller.expires - datetime.now(UTC)).total_seconds() // 60), 0)
            ends = f", ends in {minutes} min"
        return f"AWS {caller.account} as {caller.arn.rpartition(':')[2]} ({caller.source}{ends})"

    def _v7_words(self) -> str:
        team = attempt(lambda: self.v7.own_team(_FOR_HEADING))
        return f"V7: {team}" if isinstance(team, Unknown) else f"V7 team {team} ({self.v7.source})"


def look_at_bucket(asked: Asked, settings: AwsSettings) -> tuple[Check, ...]:
    """The doctor's checks of the bucket alone, without V7: for commands that warn before it is too late."""
    aws, v7 = Aws(settings), V7(None, why="V7 is not asked here")
    reads = Reads(asked, aws, v7)

    def enter(check: Check) -> None:
        if check.ident == "bucket":
            aws.enter(reads.region)

    probes = [probe for probe in PROBES if probe.ident in _BUCKET_SIDE]
    try:
        return Round(probes, reads, _FOR_WARNING, enter).run()
    finally:
        aws.close()


def _open_v7(asked: Asked, darwin_url: str, api_key_file: Path | None) -> V7:
    """V7 under the key that is found; without one a V7 that says so."""
    try:
        key = find_api_key(os.environ, api_key_file, asked.team)
    except CredentialsError as error:
        return V7(None, why=error.message)
    keep_secret(key.secret.get_secret_value())
    darwin = Darwin(darwin_url, key.secret, limits=_LIMITS)
    return V7(darwin, team=asked.team or key.team, source=key.source)


def next_steps(checks: Sequence[Check], asked: Asked) -> tuple[str, ...]:
    """The commands that mend what is wrong; else what to read; else how to go on."""
    findings = [finding for check in checks for finding in check.findings]
    errors = [finding for finding in findings if finding.severity == "error"]
    commands = [finding.fix.splitlines()[0] for finding in errors if finding.fix.startswith("v7s3 ")]
    if errors:
        explained = [f"v7s3 explain {errors[0].rule.ident}"] if not commands else []
        return tuple(dict.fromkeys([*commands, *explained, f"v7s3 doctor {asked.url}   again, when it is mended"]))
    refused = (check for check in checks if check.status == "skip" and check.permission)
    unread = [check for check in refused if not check.summary.startswith("not asked: ")]
    steps = [f"v7s3 explain {finding.rule.ident}" for finding in findings[:1]]
    if unread:
        steps.append(f"v7s3 doctor {asked.url} --permissions   what an administrator has to allow you")
    if any(check.ident == "v7-key" and check.status == "skip" for check in checks):
        steps.append("export V7_API_KEY=…   a key from V7's Settings → API keys, and V7's side is checked too")
    if steps or any(check.status == "error" for check in checks):
        return tuple(steps)
    return (f"v7s3 register {asked.url} --team {asked.team or '…'} --dataset {asked.dataset or '…'}",)


def made_specific(check: Check, bucket: str) -> Check:
    """The check with this bucket, and the object of each finding, in the commands that mend it."""
    return replace(check, findings=tuple(_specific(finding, bucket) for finding in check.findings))


def _specific(finding: Finding, bucket: str) -> Finding:
    fix = re.sub(r"\bBUCKET\b", bucket, finding.fix)
    if finding.rule.ident.startswith("OBJ") and finding.location.pointer:
        fix = re.sub(r"\bKEY\b", lambda _: shlex.quote(finding.location.pointer), fix)
    return replace(finding, fix=fix)
