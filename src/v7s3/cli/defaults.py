"""The settings file as defaults of every command, without any command knowing of it.

A value on the command line goes before one in the environment, that before the file: Typer asks a context's
`default_map` after both. Variables that only AWS's own libraries or `find_api_key` read are looked at here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from v7s3.errors import UsageError, V7S3Error

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from v7s3.settings import Setting, Settings

NAME = "v7s3.toml"

_KEPT = "v7s3.settings"  # in `context.meta`, which a command shares with those below it

# Where an option names no variable of its own: the variables that say the same, and go before the file.
VARIABLES: dict[str, tuple[str, ...]] = {
    "profile": ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    "region": ("AWS_DEFAULT_REGION",),
    "endpoint-url": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "api-key-file": ("V7_API_KEY",),
}
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "V7_API_KEY",
}  # not the option's value, but in its stead


class Origin(NamedTuple):
    """The value of an option and where it came from."""

    value: Any
    source: str  # "flag --team", "env V7_TEAM", "v7s3.toml:3", "default"


def find_settings(start: Path, home: Path) -> Path | None:
    """The nearest v7s3.toml from `start` upwards, as far as the root of the git repository or the home directory.

    Outside of both only `start` itself is looked at: what lies in a directory shared with others is not believed.
    """
    nearest: Path | None = None
    for folder in (start, *start.parents):
        if nearest is None and (folder / NAME).is_file():
            nearest = folder / NAME
        if folder == home or (folder / ".git").exists():
            return nearest
    return nearest if nearest is not None and nearest.parent == start else None


def use_settings(context: Any, name: str, command: Any, commands: Collection[str]) -> None:
    """Let the settings file speak to `command`, which is about to run below `context`.

    Raises UsageError for a faulty file, except while a shell asks for completions: then there are just no settings.
    """
    try:
        settings = read(context.params.get("config"), context.params.get("use") or "", commands)
        context.meta[_KEPT] = settings
        if settings is not None:
            context.default_map[name] = _default_map(settings, (name,), command)
    except V7S3Error:
        if not context.resilient_parsing:
            raise


def settings_of(context: Any) -> Settings | None:
    """The settings file in force; None when there is none."""
    found: Settings | None = context.meta.get(_KEPT)
    return found


def origin_of(context: Any, parameter: Any) -> Origin:
    """Where the value of a parameter of this command came from."""
    value = context.params.get(parameter.name)
    option = _option(parameter)
    match context.get_parameter_source(parameter.name).name:
        case "COMMANDLINE":
            return Origin(value, f"flag --{option}")
        case "ENVIRONMENT" if value is not None:  # None: one of `VARIABLES` goes before it
            return Origin(value, f"env {parameter.envvar}")
        case "DEFAULT_MAP":
            settings = settings_of(context)
            assert settings is not None
            return Origin(value, settings.place(_settings_for(settings, context)[option]))
        case _:
            for variable in _variables(option):
                return Origin("" if variable in _CREDENTIALS else os.environ[variable], f"env {variable}")
            return Origin(value, "default")


def origins(context: Any) -> dict[str, Origin]:
    """All options of this command, by their long names without dashes."""
    return {_option(parameter): origin_of(context, parameter) for parameter in _parameters(context.command)}


def check_all(context: Any, settings: Settings) -> list[V7S3Error]:
    """What is wrong with the tables of any command, not only of the one that runs."""
    root = context.find_root()
    faults = []
    for name in root.command.list_commands(root):
        try:
            _default_map(settings, (name,), root.command.get_command(root, name))
        except V7S3Error as error:
            faults.append(error)
    return faults


def _settings_for(settings: Settings, context: Any) -> dict[str, Setting]:
    command = tuple(context.command_path.split()[1:])
    return settings.for_command(command, {_option(parameter) for parameter in _parameters(context.command)})


def read(config: str | None, use: str, commands: Collection[str]) -> Settings | None:
    """The settings of the file `config`, else of the one that is found; None when there is none.

    Raises UsageError for a faulty file, and for a profile `use` that is not there.
    """
    path = Path(config) if config else find_settings(Path.cwd(), Path.home())
    if path is not None:
        from v7s3.settings import read_settings

        return read_settings(path, use, commands)
    if use:
        raise UsageError(
            f"there is no {NAME} here or above, so there is no profile {use!r}", hint="name one with --config FILE"
        )
    return None


def _default_map(settings: Settings, path: tuple[str, ...], command: Any) -> dict[str, Any]:
    """The defaults of a command, or of all commands of a group by their names."""
    below: Mapping[str, Any] = getattr(command, "commands", {})
    options = {_option(one): one for leaf in [command, *below.values()] for one in _parameters(leaf)}
    settings.check(path, options, below)
    if below:
        return {name: _default_map(settings, (*path, name), leaf) for name, leaf in below.items()}
    return {
        options[option].name: _value(settings, setting, options[option])
        for option, setting in settings.for_command(path, options).items()
        if not any(_variables(option))
    }


def _parameters(command: Any) -> list[Any]:
    """The options of a command that a file can set."""
    return [one for one in command.params if one.param_type_name == "option" and one.name != "help"]


def _option(parameter: Any) -> str:
    """Its long name without the dashes."""
    return str(max(parameter.opts, key=len)).lstrip("-")


def _variables(option: str) -> Iterator[str]:
    return (variable for variable in VARIABLES.get(option, ()) if os.environ.get(variable))


def _value(settings: Settings, setting: Setting, parameter: Any) -> Any:
    """The value as the option takes it. Paths are seen from the file, because that is where they were written."""
    value, key = setting.value, setting.path[-1]
    if parameter.multiple is not isinstance(value, list):
        wanted = "a list, because the option may be repeated" if parameter.multiple else "one value, not a list"
        raise settings.problem(setting.path, f"{key!r} has to be {wanted}", f"write {key} = " + _example(parameter))
    if bool(parameter.is_flag) is not isinstance(value, bool):
        wanted = "true or false" if parameter.is_flag else "a text or a number, not true or false"
        raise settings.problem(setting.path, f"{key!r} has to be {wanted}", f"write {key} = " + _example(parameter))
    if type(parameter.type).__name__ == "TyperPath" or parameter.type.name == "path":
        return str(settings.path.parent / Path(value).expanduser())  # `/` keeps what is absolute
    return value


def _example(parameter: Any) -> str:
    if parameter.is_flag:
        return "true"
    return '["…"]' if parameter.multiple else '"…"'
