"""The values of one command line, each with where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from dicom2fhir.cli.values import SecretValueError, suggest
from dicom2fhir.errors import ConfigError, Dicom2FhirError, UsageError
from dicom2fhir.report.safe import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import typer

T = TypeVar("T")

ORIGINS = "dicom2fhir.origins"
"""Where the name of the file of each setting is kept in Typer's `Context.meta`."""
ISSUERS = "dicom2fhir.issuers"
"""Where the `[issuers]` table is kept in Typer's `Context.meta`."""


class Arguments:
    """The values of the options by name; a bad one becomes an error that names its origin.

    A bad value on the command line is a UsageError (2), one from the environment or from a file
    a ConfigError (6).
    """

    def __init__(self, ctx: typer.Context) -> None:
        self._ctx = ctx
        self._values: Mapping[str, Any] = ctx.params
        self._flags = {param.name or "": longest_flag(param) for param in ctx.command.params}

    @property
    def issuers(self) -> Mapping[str, str]:
        """Return the `[issuers]` table of the settings."""
        issuers: Mapping[str, str] = self._ctx.meta.get(ISSUERS, {})
        return issuers

    def text(self, name: str) -> str | None:
        """Return the text of an option; None when it is not set."""
        value = self._values.get(name)
        return None if value is None else str(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the values of an option that may be repeated."""
        return tuple(str(value) for value in self._values.get(name) or ())

    def flag(self, name: str) -> bool:
        """Return whether a flag is set."""
        return bool(self._values.get(name))

    def switch(self, name: str) -> bool | None:
        """Return what a pair of flags says; None when neither was given."""
        value: bool | None = self._values.get(name)
        return value

    def count(self, name: str) -> int:
        """Return how often a flag was given."""
        return int(self._values.get(name) or 0)

    def parsed(self, name: str, parse: Callable[[str], T]) -> T | None:
        """Return what the text of an option means; None when it is not set."""
        text = self.text(name)
        return None if text is None else self._parse(name, text, parse)

    def all_parsed(self, name: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        """Return what each value of a repeated option means."""
        return tuple(self._parse(name, text, parse) for text in self.texts(name))

    def choice(self, name: str, choices: tuple[str, ...], later: tuple[str, ...] = ()) -> str:
        """Return one of the choices; `later` are those that a coming version will have."""
        text = self.text(name) or ""
        by_folded = {choice.casefold(): choice for choice in choices}
        if text.casefold() in by_folded:
            return by_folded[text.casefold()]
        listed = " or ".join(choices) if len(choices) < 3 else f"one of {', '.join(choices)}"  # noqa: PLR2004
        if text.casefold() in {choice.casefold() for choice in later}:
            raise self.bad(name, f"{safe(text)} is not in this version.", f"Use {listed}.")
        if len(choices) == 1:
            raise self.bad(name, f"{safe(text)!r} is no value of it.", f"Use {listed}.")
        near = suggest(text, choices)
        raise self.bad(name, f"{safe(text)!r} is not {listed}.", near)

    def is_default(self, name: str) -> bool:
        """Tell whether nobody set the option."""
        return self.source(name) == "DEFAULT"

    def source(self, name: str) -> str:
        """Return COMMANDLINE, ENVIRONMENT, DEFAULT_MAP (a file) or DEFAULT."""
        source = self._ctx.get_parameter_source(name)
        return "DEFAULT" if source is None else source.name

    def origin(self, name: str) -> str:
        """Return where the value of an option came from, for people."""
        files: Mapping[str, str] = self._ctx.meta.get(ORIGINS, {})
        origins = {
            "COMMANDLINE": "command line",
            "ENVIRONMENT": environment_name(self._flags[name]),
            "DEFAULT_MAP": files.get(name, "file"),
        }
        return origins.get(self.source(name), "default")

    def bad(self, name: str, sentence: str, hint: str = "") -> Dicom2FhirError:
        """Return the error for a value that cannot be used; the sentence goes on from its flag."""
        if self.source(name) in {"COMMANDLINE", "DEFAULT"}:
            return UsageError(f"{self._flags[name]}: {sentence}", hint=hint)
        return ConfigError(f"{self._flags[name]} (from {self.origin(name)}): {sentence}", hint=hint)

    def _parse(self, name: str, text: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(text)
        except ValueError as error:
            shown = "The value" if isinstance(error, SecretValueError) else repr(safe(text))
            end = "" if str(error).endswith(("?", ".")) else "."
            raise self.bad(name, f"{shown} {error}{end}") from None


def longest_flag(param: Any) -> str:  # noqa: ANN401 - Typer's option, whose class is its own
    """Return the flag that an option is known by."""
    flags: list[str] = param.opts
    return max(flags, key=len)


def environment_name(flag: str) -> str:
    """Return the environment variable of an option.

    >>> environment_name("--patient-id-system")
    'DICOM2FHIR_PATIENT_ID_SYSTEM'
    """
    return "DICOM2FHIR_" + flag.lstrip("-").replace("-", "_").upper()
