"""The command table and the one boundary that turns exceptions into words and exit codes.

A command lives in its own module and is imported when it is asked for, so that `v7s3 --help` loads nothing heavy.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, NamedTuple

import typer
from typer.core import TyperGroup

from v7s3 import __version__
from v7s3.cli.defaults import origin_of, use_settings
from v7s3.cli.output import asked_for_json, fail, note_text
from v7s3.errors import EXIT_CODES, UsageError, V7S3Error

if TYPE_CHECKING:
    from collections.abc import Sequence


class Entry(NamedTuple):
    """Where a command's `app: typer.Typer` lives, and its line in `v7s3 --help`; of a group also its examples, because
    those of its commands are one step further."""

    module: str
    help: str
    examples: str = ""


_POLICY = """
  v7s3 policy check s3://acme-scans               may V7's role read and write, and if not, why
  v7s3 policy apply s3://acme-scans               let it in: shows the difference, asks
  v7s3 policy write s3://acme-scans --format terraform
"""
_CORS = """
  v7s3 cors check s3://acme-scans/raw --live      what an annotator's browser is answered
  v7s3 cors apply s3://acme-scans                 let it load: shows the difference, asks
  v7s3 cors write --format api > cors.json
"""
_LEDGER = """
  v7s3 ledger show --team acme --dataset scans    how many keys are in which state, and the runs
  v7s3 ledger merge part-*.sqlite --into scans.sqlite …
  v7s3 ledger rebuild s3://acme-scans/raw …       a lost one, from V7's items and the bucket
  echo raw/1.jpg | v7s3 ledger forget --keys-from - …
"""
_ACTIVATION = """
  v7s3 activation write s3://acme-scans --team acme --write-prefix darwin/
  v7s3 activation status s3://acme-scans --team acme --wait --timeout 3d
"""


COMMANDS: dict[str, Entry] = {
    "doctor": Entry("v7s3.cli.doctor", "Find every reason why V7 would not see a bucket, and say what to do next."),
    "policy": Entry(
        "v7s3.cli.policy", "Check, write, apply or explain the bucket policy that lets V7's role in.", _POLICY
    ),
    "cors": Entry(
        "v7s3.cli.cors", "Check, write or apply the CORS rule that lets annotators' browsers load the objects.", _CORS
    ),
    "register": Entry(
        "v7s3.cli.register", "Register the objects of a bucket as items of a V7 dataset, each exactly once."
    ),
    "status": Entry(
        "v7s3.cli.status", "Show what became of registered items: in processing, complete, or failed and why."
    ),
    "prepare": Entry(
        "v7s3.cli.prepare", "Make thumbnails, frames and sizes for a bucket that V7 may only read, from S3 to S3."
    ),
    "drift": Entry(
        "v7s3.cli.drift", "Show what is in the bucket and not in V7, gone from it, changed, or registered by others."
    ),
    "ledger": Entry(
        "v7s3.cli.ledger",
        "Show, export, import, merge or rebuild the record of what is registered; forget keys of it.",
        _LEDGER,
    ),
    "activation": Entry(
        "v7s3.cli.activation", "Write the e-mail that V7's support needs, and see what V7 has on record.", _ACTIVATION
    ),
    "whoami": Entry(
        "v7s3.cli.whoami", "Show who you are to AWS and to V7, and where each credential and setting comes from."
    ),
    "explain": Entry("v7s3.cli.explain", "Say what a finding means, how to mend it and how to see that it is mended."),
    "demo": Entry("v7s3.cli.demo", "Make the whole journey on this machine: a local S3, a local Darwin."),
}

_EXAMPLES = """\b
Examples:
  v7s3 demo                                       the whole journey on this machine
  v7s3 doctor s3://acme-scans/raw                 every reason why V7 would not see the bucket
  v7s3 policy apply s3://acme-scans               let V7's role in
  v7s3 cors apply s3://acme-scans                 let the annotators' browsers load
  v7s3 register s3://acme-scans/raw --team acme --dataset scans --storage acme-s3
"""

_CODES = "\b\nExit codes:\n" + "\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES.items())


class LazyGroup(TyperGroup):
    """A group that lists its commands from `COMMANDS` and imports one only when it runs."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        command = typer.main.get_command(import_module(entry.module).app)
        command.name = cmd_name
        if entry.examples:
            command.help = f"{entry.help}\n\n\b\nExamples:{entry.examples}"
            for leaf in getattr(command, "commands", {}).values():
                leaf.short_help = _first_paragraph(leaf.help)  # as a whole: Typer's own would be cut at 80 columns
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        if COMMANDS:
            with formatter.section("Commands"):
                formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """The commands, from the table and without importing them, and the options before them."""
        from typer._click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=one.help) for name, one in COMMANDS.items() if name.startswith(incomplete)]
        return [*found, *super(TyperGroup, self).shell_complete(ctx, incomplete)]

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """As Typer's, with the settings file as the command's defaults.

        Suggestions come from the table, which `self.commands` does not hold.
        """
        name = args[0]
        if name in COMMANDS or name.startswith("-"):
            _, command, rest = super().resolve_command(ctx, args)
            if ctx.resilient_parsing:
                from v7s3.cli.completion import attach

                attach(command)
            else:
                from v7s3.cli.texts import require_text

                require_text(command)
            if not {"--help", "-h"} & set(rest):  # help is needed most when the settings are broken
                use_settings(ctx, name, command, COMMANDS)
            return name, command, rest
        if ctx.resilient_parsing:
            return None, None, args[1:]
        from difflib import get_close_matches

        near = get_close_matches(name, COMMANDS)
        raise UsageError(
            f"there is no command {name!r}",
            hint=f"did you mean `v7s3 {near[0]}`?" if near else "`v7s3 --help` lists the commands",
        )


def _first_paragraph(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split())


app = typer.Typer(
    cls=LazyGroup,
    name="v7s3",
    help=f"From an S3 bucket to a V7 Darwin dataset.\n\n{_EXAMPLES}",
    epilog=_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"v7s3 {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
    ),
    config: str = typer.Option(
        "", "--config", envvar="V7S3_CONFIG", metavar="FILE", help="Settings; else v7s3.toml here or in a folder above."
    ),
    use: str = typer.Option(
        "", "--use", envvar="V7S3_PROFILE", metavar="NAME", help="Profile of the settings: their table [profile.NAME]."
    ),
) -> None:
    """Options that stand before the command."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code. Never raises, except for a second Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    defaults: dict[str, Any] = {}  # what v7s3.toml says to the command, once it is read
    _make_streams_ready()
    try:
        return _run(arguments, defaults)
    except typer.Exit as leave:
        return leave.exit_code
    except BrokenPipeError:
        _let_go_of_stdout()
        return 141
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001  # the boundary: a traceback may hold secrets
        return _explain(error, as_json=asked_for_json(arguments, defaults))


def _run(arguments: list[str], defaults: dict[str, Any]) -> int:
    """The command's own exit code. Not by its `main`, which keeps Ctrl-C and a broken pipe to itself."""
    command = typer.main.get_command(app)
    if "_V7S3_COMPLETE" in os.environ:
        from v7s3.cli.completion import attach, prepare

        prepare()
        attach(command)
        command.main(args=arguments, prog_name="v7s3", default_map=defaults)  # answers the shell and exits
    with command.make_context("v7s3", list(arguments), default_map=defaults) as context:
        result = command.invoke(context)
    return result if isinstance(result, int) else 0


def _make_streams_ready() -> None:
    """A shell's `>&-` leaves no stream at all: what is written to it shall go nowhere, and not into another file.

    What a terminal or a pipe of another encoding than UTF-8 cannot show is escaped: in help, reports and keys alike.
    """
    for name, flags in (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY), ("stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            mode = "r" if flags == os.O_RDONLY else "w"
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _let_go_of_stdout() -> None:
    """The reader left; there is nobody to complain to, and nothing to flush when the interpreter ends."""
    sys.stderr.close()
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain(error: BaseException, *, as_json: bool) -> int:
    match error:
        case V7S3Error():
            message, *details = error.lines
            return fail(error.code, message, error.hint, details=details, exit_code=error.exit_code, as_json=as_json)
        case KeyboardInterrupt() | typer.Abort():
            return fail("interrupted", "interrupted", exit_code=130, as_json=as_json)
        case OSError(errno=errno.ENOSPC):
            full = "there is no space left where the output is written"
            return fail("stopped", full, "make room, then run the same command again", exit_code=7, as_json=as_json)
        case _:
            return _explain_unexpected(error, as_json=as_json)


def _explain_unexpected(error: BaseException, *, as_json: bool) -> int:
    """Typer's usage errors become exit code 2; everything else is a bug and says where it happened."""
    if type(error).__name__ == "NoArgsIsHelpError":  # Typer keeps its Click, and so the class, to itself
        note_text(str(error))
        return 2
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        message, *details = (error.format_message() + _blamed(error)).expandtabs(2).split("\n")
        return fail("usage", message, _hint(error), details=details, exit_code=2, as_json=as_json)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "unknown place"
    return fail(
        "internal",
        f"a bug in v7s3 {__version__}: {type(error).__name__}: {error} (at {where})",
        "please report it with the command you ran; what was registered so far is in the ledger",
        exit_code=70,
        as_json=as_json,
    )


def _hint(error: Any) -> str:
    if getattr(error, "option_name", "") in ("--config", "--use"):
        return f"{error.option_name} stands before the command: v7s3 {error.option_name} … COMMAND"
    context = getattr(error, "ctx", None)
    return f"`{context.command_path} --help` shows the options" if context else ""


def _blamed(error: Any) -> str:
    """Where the bad value of an option stands, when it is not on the command line."""
    context, parameter = getattr(error, "ctx", None), getattr(error, "param", None)
    if context is None or parameter is None or context.get_parameter_source(parameter.name) is None:
        return ""
    source = origin_of(context, parameter).source
    return "" if source.startswith(("flag", "default")) else f" ({source})"
