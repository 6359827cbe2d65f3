"""TLS towards a server: always verified, by the authorities of this machine and one file more."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpx2

from dicom2fhir.errors import ConfigError

if TYPE_CHECKING:
    from dicom2fhir.options import ServerOptions

_EXPIRED = 10
_OTHER_NAME = (62, 64)
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED, _HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH."""


def make_context(options: ServerOptions, scheme: str) -> ssl.SSLContext:
    """Return what verifies a server and shows it our certificate.

    Errors: ConfigError, without a path
    """
    if scheme == "https":
        context = httpx2.create_ssl_context(trust_env=False)
    else:  # trusts nobody: reading the authorities of this machine takes longer than a request
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if options.ca_file is not None:
        try:
            context.load_verify_locations(options.ca_file)
        except OSError:
            raise ConfigError(
                "The CA file cannot be read or holds no certificate.",
                hint="Give --ca-file a file of certificates in PEM.",
            ) from None
    if options.client_certificate is not None:
        try:
            context.load_cert_chain(
                options.client_certificate, options.client_key, password=lambda: ""
            )
        except OSError:
            raise ConfigError(
                "The client certificate or its key cannot be read, or they do not match.",
                hint="Give both in PEM, the key without a passphrase.",
            ) from None
    return context


def explain_tls(fault: BaseException) -> ConfigError | None:
    """Return what TLS says against a server in a sentence, None where it is not TLS."""
    cause: BaseException | None = fault
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _explain_certificate(cause.verify_code)
    if cause is not None and "CERTIFICATE" in (cause.reason or ""):
        return ConfigError(
            "The server wants another client certificate, or any at all.",
            hint="Give --client-certificate and --client-key.",
        )
    return None


def _explain_certificate(code: int) -> ConfigError:
    if code == _EXPIRED:
        return ConfigError(
            "The server's certificate has expired.", hint="Its operator has to renew it."
        )
    if code in _OTHER_NAME:
        return ConfigError(
            "The server's certificate is for another name.",
            hint="Give the address with the name that the certificate has.",
        )
    return ConfigError(
        "The server's certificate is not signed by anybody whom this machine trusts.",
        hint="Give the certificate of the authority with --ca-file.",
    )
