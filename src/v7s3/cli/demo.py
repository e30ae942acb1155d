"""`v7s3 demo`: the whole journey on this machine, with the real commands against the sandbox."""

from __future__ import annotations

import io
import json
import os
import tempfile
import threading
from contextlib import chdir, contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from v7s3.cli import options  # noqa: TC001  # Typer reads the annotations when it runs
from v7s3.cli.output import note, note_text, result, result_json
from v7s3.errors import UsageError, V7S3Error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from v7s3.sandbox import SandboxDarwin, SandboxS3

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_HELP = """Make the whole journey on this machine: a local S3, a local Darwin.

Real photographs, a video and a scan go into a bucket, which the real commands open to V7 and register, twice.

\b
Examples:
  v7s3 demo                  bucket policy, CORS rule, registration, and the same command again
  v7s3 demo --serve          … and keep both servers running, with a page that shows the items

Nothing leaves this machine and nothing is left behind. Needs the extra: pip install 'v7s3[sandbox]'.
Exit code 0 when all went well, also for --serve, whose normal end is Ctrl-C.
"""

BUCKET = "acme-frames"
DATASET = "road-trip"

# What the person's own environment must not lend to the demo: credentials, endpoints, settings files.
_FOREIGN = ("AWS_", "DARWIN_", "V7_", "V7S3_")


@app.command(help=_HELP)
def demo(
    serve: Annotated[bool, typer.Option("--serve", help="Keep the servers running until Ctrl-C.")] = False,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="How to print what happened.")] = "text",
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    with _sandbox() as (s3, darwin), tempfile.TemporaryDirectory(prefix="v7s3-demo-") as folder:
        with _environment(_points_at(s3, darwin, Path(folder))), chdir(folder):
            journey = Journey(s3, darwin, as_json=form == "json", quiet=quiet, verbose=verbose)
            journey.run(origins=[darwin.url] if serve else [])
        if form == "json":
            result_json(journey.document())
        if serve:
            _serve(s3, darwin, Path(folder))
    return 0


class Journey:
    """The steps, told as they happen; with `as_json` only collected."""

    def __init__(
        self, s3: SandboxS3, darwin: SandboxDarwin, *, as_json: bool, quiet: bool = False, verbose: bool = False
    ) -> None:
        self.s3 = s3
        self.darwin = darwin
        self.as_json = as_json
        self.flags = ["--quiet"] * quiet + ["--verbose"] * verbose
        self.steps: list[dict[str, Any]] = []

    def run(self, *, origins: list[str]) -> None:
        """Raises V7S3Error when a step does not do what it should."""
        objects = _fill(self.s3)
        self._say(f"1. A bucket with {objects} objects: photographs, a video, a scan, and what no annotator needs")
        for key in self.s3.keys(BUCKET):
            self._say(f"   s3://{BUCKET}/{key}")
        self._say("\n2. Let V7's role read and write, and annotators' browsers load")
        self._command("policy", "apply", f"s3://{BUCKET}", "--yes")
        own = [flag for origin in origins for flag in ("--origin", origin)]
        darwin = ["--origin", "https://darwin.v7labs.com"] if own else []
        self._command("cors", "apply", f"s3://{BUCKET}", "--yes", *darwin, *own)
        where = ("--team", self.darwin.team, "--dataset", DATASET, "--storage", self.darwin.storage)
        register = ("register", f"s3://{BUCKET}", *where, "--ledger", "demo.sqlite")
        self._say("\n3. Register the bucket")
        self._command(*register)
        self.darwin.settle()
        first = self.darwin.places()
        self._say("\n4. The items in Darwin")
        self._items()
        self._say("\n5. The same command again")
        self._command(*register)
        if not first or self.darwin.places() != first:
            raise V7S3Error("the demo registered something twice, or nothing at all")
        self._say(f"\nDarwin holds {len(first)} items, each once.")

    def document(self) -> dict[str, Any]:
        items = [{"path": item.path, "name": item.name, "status": item.processing_status} for item in self.darwin.items]
        return {"bucket": BUCKET, "dataset": DATASET, "steps": self.steps, "items": items}

    def _say(self, line: str) -> None:
        if not self.as_json:
            result(line)

    def _items(self) -> None:
        shown = [(f"{item.path.rstrip('/')}/{item.name}", item) for item in self.darwin.items]
        width = max(len(place) for place, _ in shown)
        for place, item in shown:
            kinds = " + ".join(slot.kind for slot in item.slots)
            errors = "".join(f"  {slot.error['message']}" for slot in item.slots if slot.error)
            self._say(f"   {place.ljust(width)}  {kinds:<5}  {item.processing_status}{errors}")

    def _command(self, *arguments: str) -> None:
        """Run `v7s3 …` in this process, as the person would type it."""
        from v7s3.cli.app import main

        self._say(f"\n$ v7s3 {' '.join(arguments)}")
        if self.as_json:
            with redirect_stdout(io.StringIO()) as printed:
                code = main([*arguments, *self.flags, "--format", "json"])
            said = printed.getvalue()
            self.steps.append({"command": ["v7s3", *arguments], "exit_code": code, "said": json.loads(said or "null")})
        else:
            code = main([*arguments, *self.flags])
        if code:
            raise V7S3Error(f"`v7s3 {arguments[0]}` ended with exit code {code} against the sandbox")


def _fill(s3: SandboxS3) -> int:
    """Put the sample media, and three things that registration skips; returns the number of objects."""
    from v7s3.sandbox.samples import samples

    s3.make_bucket(BUCKET)
    found = {f"raw/{key}": body for key, body in samples().items()}
    found |= {"raw/": b"", "raw/notes.txt": b"shot in May\n", "raw/photos/empty.jpg": b""}
    for key, body in found.items():
        s3.put(BUCKET, key, body)
    return len(found)


# --- the servers and the environment that points at them -------------------------------------------------------------
@contextmanager
def _sandbox() -> Iterator[tuple[SandboxS3, SandboxDarwin]]:
    try:
        import v7s3.sandbox.store  # noqa: F401  # moto, Flask and Werkzeug come with the extra
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the demo needs the extra `sandbox`: there is no module {error.name!r}",
            hint="pip install 'v7s3[sandbox]', or in a checkout: uv run --extra sandbox v7s3 demo",
        ) from None
    from v7s3.sandbox import SandboxDarwin, SandboxS3

    with SandboxS3() as s3, SandboxDarwin(s3=s3, bucket=BUCKET, datasets=[DATASET]) as darwin:
        yield s3, darwin


def _points_at(s3: SandboxS3, darwin: SandboxDarwin, folder: Path) -> dict[str, str]:
    """Everything v7s3, boto3 and platformdirs read, so that the demo neither uses nor changes what is yours."""
    homes = dict.fromkeys(("HOME", "USERPROFILE", "XDG_STATE_HOME", "XDG_CONFIG_HOME"), str(folder))
    aws = {name: str(folder / "none") for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
    direct = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
    return {**homes, **aws, **direct, "AWS_EC2_METADATA_DISABLED": "true", **s3.environment(), **darwin.environment()}


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    for name in before:
        if name.upper().startswith(_FOREIGN):
            del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _serve(s3: SandboxS3, darwin: SandboxDarwin, folder: Path) -> None:
    """Print where everything is and wait for Ctrl-C. The key goes into a file: v7s3 never prints one."""
    key_file = folder / "v7-api-key"
    key_file.write_text(darwin.api_key + "\n", encoding="utf-8")
    variables = {**s3.environment(), **darwin.environment(), "V7_API_KEY": f"$(cat {key_file})"}
    lines = [f'export {name}="{value}"' for name, value in variables.items()]
    script = folder / "environment.sh"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    note_text(f"\nThe items and their pictures: {darwin.url}/")
    note_text(f"To use the sandbox from another shell: source {script}\n")
    for line in lines:
        note(f"  {line}")
    note_text("\nCtrl-C ends both servers.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        note("stopped")
