"""From arguments to ServerOptions: how a server is spoken to, and how it knows us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.cli import values
from dicom2fhir.cli.server_parameters import ALGORITHM_CHOICES
from dicom2fhir.options import AuthOptions, ServerOptions

if TYPE_CHECKING:
    from dicom2fhir.cli.arguments import Arguments

# Which options make which kind; what more than one of them asks for cannot be done.
_KINDS = {
    "token_file": "bearer",
    "token_env": "bearer",
    "token_command": "bearer",
    "user": "basic",
    "client_secret_file": "client-credentials",
    "key_file": "smart-backend",
}
_NEEDS = {
    "basic": ("user", "password_file"),
    "client-credentials": ("client_id", "client_secret_file"),
    "smart-backend": ("client_id", "key_file"),
}


def server_options(arguments: Arguments, name: str) -> ServerOptions | None:
    """Return how the FHIR server that this option names is spoken to; None where it names none.

    Errors: UsageError, ConfigError
    """
    base = arguments.parsed(name, values.web_address)
    if base is None:
        return None
    return _spoken_to(arguments, base, "")


def _spoken_to(arguments: Arguments, base: str, prefix: str) -> ServerOptions:
    usual = ServerOptions()
    return ServerOptions(
        base=base,
        auth=_auth(arguments, prefix),
        allow_http=arguments.flag("allow_http"),
        use_proxy_env=arguments.flag("use_proxy_env"),
        ca_file=arguments.text("ca_file"),
        client_certificate=arguments.text("client_certificate"),
        client_key=arguments.text("client_key"),
        total_seconds=arguments.parsed("timeout", values.whole_number) or usual.total_seconds,
    )


def dicomweb_options(arguments: Arguments, name: str) -> ServerOptions | None:
    """Return how the DICOMweb server that this option names is spoken to; None where it names none.

    It shares what is said of the network with the FHIR server. It has credentials of its own, the
    options that begin with its name.

    Errors: UsageError, ConfigError
    """
    base = arguments.parsed(name, values.dicomweb_address)
    if base is None:
        return None
    return _spoken_to(arguments, base, f"{name}_")


def _auth(arguments: Arguments, prefix: str) -> AuthOptions:
    given = {option: text for option in _OPTIONS if (text := arguments.text(f"{prefix}{option}"))}
    chosen = [option for option in _KINDS if option in given]
    if len(chosen) > 1:
        raise arguments.bad(f"{prefix}{chosen[1]}", "Only one way to authenticate can be used.")
    if not chosen:
        if given.keys() & {"password_file", "client_id"}:
            lone = next(iter(given.keys() & {"password_file", "client_id"}))
            raise arguments.bad(f"{prefix}{lone}", "More is needed.", "See --help, Server.")
        return AuthOptions()
    kind = _KINDS[chosen[0]]
    missing = [option for option in _NEEDS.get(kind, ()) if option not in given]
    if missing:
        flag = f"--{prefix}{missing[0]}".replace("_", "-")
        raise arguments.bad(f"{prefix}{chosen[0]}", f"It goes together with {flag}.")
    algorithm = AuthOptions().algorithm
    if kind == "smart-backend":
        algorithm = arguments.choice("key_algorithm", ALGORITHM_CHOICES)
    return AuthOptions(kind=kind, algorithm=algorithm, **given)


_OPTIONS = (*_KINDS, "password_file", "client_id", "token_url", "scope")
