"""Settings in TOML files, and what `--show-config` prints.

A file holds the names of the options at its top, or in a table named for the command, and the
table `[issuers]`: issuer as DICOM states it, to identifier system.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from dicom2fhir.cli.arguments import ISSUERS, ORIGINS, environment_name, longest_flag
from dicom2fhir.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dicom2fhir.cli.arguments import Arguments
    from dicom2fhir.model import Json

LOCAL_FILE = "dicom2fhir.toml"
NOT_SETTINGS = {"--help", "--config", "--show-config", "--version"}


def load_settings(ctx: typer.Context, param: typer.CallbackParam, value: str | None) -> str | None:
    """Make the settings files the defaults of the command (an eager callback of `--config`)."""
    del param
    if ctx.resilient_parsing:
        return value
    files = [(value, "the file of --config")] if value is not None else list(_usual_files())
    values: dict[str, Json] = {}
    origins: dict[str, str] = {}
    issuers: dict[str, str] = {}
    for path, origin in files:
        document = _read(path, origin)
        issuers |= _issuers(document.pop("issuers", {}), origin)
        for name, setting in _settings_of(ctx, document, origin).items():
            values[name] = setting
            origins[name] = origin
    ctx.default_map = values
    ctx.meta[ORIGINS] = origins
    ctx.meta[ISSUERS] = issuers
    return value


def _usual_files() -> Iterator[tuple[str, str]]:
    """Yield the user's file, then the local one, which wins."""
    user_file = os.path.join(typer.get_app_dir("dicom2fhir"), LOCAL_FILE)  # noqa: PTH118 - fast
    for path, origin in ((user_file, "the user's file"), (LOCAL_FILE, f"./{LOCAL_FILE}")):
        if os.path.isfile(path):  # noqa: PTH113 - pathlib is not needed for this alone
            yield path, origin


def _read(path: str, origin: str) -> dict[str, Json]:
    import tomllib  # noqa: PLC0415 - only where there is a file

    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{_capital(origin)} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        place = str(error).rpartition("(")[2].rstrip(")") if "(at" in str(error) else ""
        where = f" {place}" if place else ""
        raise ConfigError(f"{_capital(origin)} is not TOML{where}.") from None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _issuers(table: Json, origin: str) -> dict[str, str]:
    if not isinstance(table, dict) or not all(isinstance(one, str) for one in table.values()):
        raise ConfigError(
            f"[issuers] in {origin} is not a table of text.",
            hint='Write "HOSPITAL" = "https://hospital.example/mrn" below it.',
        )
    from dicom2fhir.cli.values import absolute_uri  # noqa: PLC0415 - only with the table

    if "" in table:
        raise ConfigError(f"[issuers] in {origin} names an issuer that is empty.")
    for number, system in enumerate(table.values(), start=1):
        try:
            absolute_uri(system)
        except ValueError as error:
            raise ConfigError(f"Row {number} of [issuers] in {origin} {error}.") from None
    return table


def _settings_of(ctx: typer.Context, document: Mapping[str, Json], origin: str) -> dict[str, Json]:
    """Return the values of this command's options; its own table wins over the top."""
    commands = _commands(ctx)
    own = commands[ctx.command.name or ""]
    everywhere = {key for params in commands.values() for key in params}
    top: dict[str, Json] = {}
    section: dict[str, Json] = {}
    for key, value in document.items():
        if key in commands and isinstance(value, dict):
            _check_keys(value, set(commands[key]), f"[{key}] in {origin}")
            if commands[key] is own:
                section = value
        else:
            _check_keys([key], everywhere | set(commands), origin)
            top[key] = value
    merged = {key: value for key, value in top.items() if key in own} | section
    return {own[key].name: _value(own[key], key, value, origin) for key, value in merged.items()}


def _commands(ctx: typer.Context) -> dict[str, dict[str, Any]]:
    """Return the settings of each command by their names."""
    root: Any = ctx.find_root().command
    return {
        name: {
            longest_flag(param).removeprefix("--"): param
            for param in root.get_command(ctx, name).params
            if param.param_type_name == "option" and longest_flag(param) not in NOT_SETTINGS
        }
        for name in root.list_commands(ctx)
    }


def _check_keys(keys: Any, known: set[str], place: str) -> None:  # noqa: ANN401 - keys of any kind
    from dicom2fhir.cli.values import suggest  # noqa: PLC0415 - only where there is a file

    for key in keys:
        if key not in known:
            raise ConfigError(
                f"There is no setting `{key}` ({place}).",
                hint=suggest(key, known) or "docs/reference/configuration.md lists them all.",
            )


def _value(param: Any, key: str, value: Json, origin: str) -> Json:  # noqa: ANN401 - Typer's option
    if param.multiple:
        texts = [value] if isinstance(value, str) else value
        good, wanted = _is_texts(texts), "a list of text"
        value = texts
    elif param.count:
        good, wanted = type(value) is int, "a number"
    elif param.is_flag:
        good, wanted = isinstance(value, bool), "true or false"
    else:
        good, wanted = isinstance(value, str) or type(value) is int, "text or a number"
        value = str(value)
    if not good:
        raise ConfigError(f"`{key}` in {origin} is not {wanted}.")
    return value


def _is_texts(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def print_settings(ctx: typer.Context, arguments: Arguments) -> NoReturn:
    """Print each option with its value and its origin, as TOML that can be kept, and exit."""
    lines = [f"[{ctx.command.name}]"]
    for key, param in _commands(ctx)[ctx.command.name or ""].items():
        if param.hidden:
            continue
        value = ctx.params.get(param.name)
        origin = arguments.origin(param.name)
        if value is None or value in ([], ()):
            lines.append(f"# {key} =  # not set")
        else:
            lines.append(f"{key} = {_toml(value)}  # {origin}")
    if arguments.issuers:
        lines.append("\n[issuers]")
        lines += [f"{_toml(issuer)} = {_toml(uri)}" for issuer, uri in arguments.issuers.items()]
    typer.echo("\n".join(lines))
    raise typer.Exit(0)


def _toml(value: Json) -> str:
    # A JSON text, list, number or truth value is TOML as well.
    return json.dumps(list(value) if isinstance(value, tuple) else value, default=str)


__all__ = ["LOCAL_FILE", "environment_name", "load_settings", "print_settings"]
