"""What `v7s3 doctor` was asked for, and doing it: a report, a list, a policy, or a report with the canary."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from v7s3.access.cors_origins import origin_problem
from v7s3.access.profile import folder_of
from v7s3.activation import write_prefix as normal_prefix
from v7s3.bucket import BucketUrl, bucket_name_problem
from v7s3.cli.documents import name_of, read_bytes
from v7s3.cli.output import note, result
from v7s3.cli.reporting import show_report
from v7s3.doctor import rules
from v7s3.doctor.offline import Documents, offline_probes
from v7s3.doctor.permissions import REMARKS, iam_policy
from v7s3.doctor.probes import PROBES, probe_named
from v7s3.doctor.reads import Asked
from v7s3.doctor.run import Round
from v7s3.errors import UsageError
from v7s3.report import Report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from v7s3.access.profile import Access
    from v7s3.cli.options import FailLevel, ReportFormat


@dataclass(frozen=True)
class Job:
    """The options of `v7s3 doctor`, name for name."""

    target: str
    team: str
    storage: str
    dataset: str
    access: Access | None
    write_prefix: str | None
    sample: int
    only: list[str]
    skip: list[str]
    list_checks: bool
    offline: bool
    policy_file: str
    cors_file: str
    permissions: bool
    command: str
    bundle: Path | None
    with_keys: bool
    canary: bool
    canary_timeout: float
    origins: list[str]
    timeout: float
    dry_run: bool
    yes: bool
    darwin_url: str
    api_key_file: Path | None
    profile: str | None
    region: str | None
    endpoint_url: str | None
    form: ReportFormat
    fail_level: FailLevel
    quiet: bool
    verbose: bool

    @property
    def asked(self) -> Asked:
        """Raises UsageError for what is no bucket, prefix or origin."""
        bucket, key = parse_target(self.target)
        for origin in self.origins:
            if problem := origin_problem(origin):
                raise UsageError(f"--origin {origin}: {problem}", hint="for V7 Darwin it is https://darwin.v7labs.com")
        folder_of(key)
        written = None if self.write_prefix is None else normal_prefix(self.write_prefix)
        return Asked(
            bucket, key, self.team, self.storage, self.dataset, self.access, written, self.sample, tuple(self.origins)
        )

    @property
    def chosen(self) -> tuple[str, ...]:
        """The idents of the checks to make: those of --only with what they depend on, without those of --skip."""
        left_out, wanted = set(_idents(self.skip)), _idents(self.only)
        needed = {ident for name in wanted for ident in (name, *probe_named(name).after)}
        return tuple(
            probe.ident for probe in PROBES if probe.ident not in left_out and (not wanted or probe.ident in needed)
        )


def run(job: Job) -> int:
    """The exit code. Raises UsageError for options that contradict each other."""
    if job.list_checks:
        result(_listed(as_json=job.form == "json"))
        return 0
    if job.permissions:
        bucket, key = parse_target(job.target or "s3://BUCKET")
        result(json.dumps(iam_policy(job.command, bucket, key), indent=2))
        if job.command in REMARKS and not job.quiet:
            note(REMARKS[job.command])
        return 0
    if job.offline and (job.canary or job.bundle is not None):
        raise UsageError("--canary and --bundle need the network", hint="leave --offline out")
    if job.offline:
        return _print(_offline_report(job), job)
    if job.policy_file or job.cors_file:
        raise UsageError("files are looked at with --offline only", hint="`v7s3 policy check`, `v7s3 cors check`")
    from v7s3.cli.doctor_run import Examination

    with Examination(job) as examination:
        report = examination.run()
        if job.bundle is not None:
            examination.write_bundle(report, job.bundle)
    return _print(report, job)


def parse_target(target: str) -> tuple[str, str]:
    """Bucket and key. A name that no bucket can have passes: saying so is a check of its own. Raises UsageError."""
    if not target:
        raise UsageError("which bucket?", hint="name it: v7s3 doctor s3://BUCKET[/PREFIX]")
    bucket, _, key = target.removeprefix("s3://").partition("/")
    if target.startswith("s3://") and bucket and bucket_name_problem(bucket) is not None:
        return bucket, key
    url = BucketUrl.parse(target)
    return url.bucket, url.key


def _print(report: Report, job: Job) -> int:
    """The exit code: 4 and 3 tell a script that nothing else could be found out; else the report's own 0 or 1."""
    show_report(report, job.form.value, verbose=job.verbose and not job.quiet, fail_level=job.fail_level.value)
    found = {finding.rule for finding in report.findings}
    if rules.NO_BUCKET in found:
        return 4
    return 3 if rules.NO_AWS in found else report.exit_code(job.fail_level.value)


def _idents(values: Sequence[str]) -> list[str]:
    return [probe_named(part).ident for value in values for part in value.split(",") if part]


def _listed(*, as_json: bool) -> str:
    if as_json:
        checks = [
            {
                "id": probe.ident,
                "title": probe.title,
                "calls": [{"operation": call.operation, "permission": call.permission} for call in probe.calls],
                "after": list(probe.after),
            }
            for probe in PROBES
        ]
        return json.dumps({"version": 1, "checks": checks}, indent=2)
    width = max(len(probe.ident) for probe in PROBES)
    lines = []
    for probe in PROBES:
        lines.append(f"{probe.ident:<{width}}  {probe.title}")
        for call in probe.calls:
            needs = f"  ({call.permission})" if call.permission else ""
            lines.append(f"{'':<{width}}    {call.operation}{needs}")
    return "\n".join(lines)


def _offline_report(job: Job) -> Report:
    asked = job.asked
    documents = Documents(
        read_bytes(job.policy_file) if job.policy_file else None,
        name_of(job.policy_file),
        read_bytes(job.cors_file) if job.cors_file else None,
        name_of(job.cors_file),
    )
    probes = [probe for probe in offline_probes(asked, documents) if probe.ident in job.chosen]
    checks = Round(probes, None).run()
    steps = (f"v7s3 doctor {asked.url}   with the network, for all that is in no file",)
    return Report(asked.url, checks, f"{asked.url}, offline: nobody was asked", steps)
