"""Write docs/reference/cli.md from the definitions of the commands.

Run it after a change to an option: `python scripts/generate_cli_docs.py`.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from typer.main import get_command

from dicom2fhir.cli.arguments import longest_flag
from dicom2fhir.cli.program import app

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"

INTRODUCTION = """\
# Commands and options

<!-- Written by scripts/generate_cli_docs.py from the commands themselves; do not edit. -->

Standard output carries data only; everything for people goes to standard error.
Exit codes: [exit-codes.md](exit-codes.md). Settings files and environment variables:
[configuration.md](configuration.md). `-h` or `--help` after any command shows what stands here.
"""


def render() -> str:
    """Return the page."""
    program: Any = get_command(app)
    context = program.make_context("dicom2fhir", ["doctor"])
    commands = [program.get_command(context, name) for name in program.list_commands(context)]
    return "\n".join([INTRODUCTION, *(_command(command, context) for command in commands)])


def _command(command: Any, parent: Any) -> str:  # noqa: ANN401 - Typer's own classes
    context = command.context_class(command, info_name=command.name, parent=parent)
    summary, _, rest = inspect.cleandoc(command.help).partition("\n\n\b\nExamples:\n")
    lines = [f"## {command.name}", "", summary, "", "```sh"]
    lines += [line.strip() for line in rest.splitlines()]
    lines += ["```", ""]
    groups: dict[str, list[str]] = {}
    for param in command.get_params(context):
        if not getattr(param, "hidden", False):
            groups.setdefault(param.rich_help_panel or "Help", []).append(_row(param))
    for group, rows in groups.items():
        lines += [f"### {command.name}: {group}", ""]
        lines += ["| option | environment | meaning |", "| --- | --- | --- |", *rows, ""]
    return "\n".join(lines)


def _row(param: Any) -> str:  # noqa: ANN401 - Typer's own classes
    if param.param_type_name == "argument":
        return f"| `{param.metavar}` | | {_cell(param.help)} |"
    flags = ", ".join(f"`{flag}`" for flag in (*sorted(param.opts, key=len), *param.secondary_opts))
    if not param.is_flag and not param.count:
        flags += f" {_code(param.metavar)}"
    variable = f"`{param.envvar}`" if param.envvar else ""
    shown = isinstance(param.default, str) and longest_flag(param) != "--help"
    default = f" Default: `{param.default}`." if shown else ""
    return f"| {flags} | {variable} | {_cell(param.help)}{default} |"


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def _cell(text: str) -> str:
    """Return text for a cell of a table; a default in brackets becomes a sentence."""
    text = " ".join(text.split()).replace("|", "\\|")
    before, bracket, default = text.partition(" [default: ")
    return f"{before} Default: {default.removesuffix(']')}." if bracket else before


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    print(f"wrote {PAGE}")
