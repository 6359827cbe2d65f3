"""The signed statement by which a backend service proves who it is (SMART App Launch 2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from dicom2fhir.errors import ConfigError

try:
    from authlib.oauth2.rfc7523 import private_key_jwt_sign
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey
except ImportError:
    raise ConfigError(
        "SMART Backend Services need the auth extra.",
        hint="Install it: pip install 'dicom2fhir-cli[push,auth]'.",
    ) from None

if TYPE_CHECKING:
    from dicom2fhir.model import Json

SECONDS = 240
"""Of life; at most five minutes are allowed, and clocks differ."""

_KEYS: dict[str, type[RSAKey | ECKey]] = {"RS384": RSAKey, "ES384": ECKey}


def load_key(text: str, algorithm: str) -> RSAKey | ECKey:
    """Return the private key that PEM, a JWK or a set of JWKs holds for this algorithm.

    Errors: ConfigError
    """
    kind = _KEYS.get(algorithm)
    if kind is None:
        raise ConfigError("Assertions are signed with RS384 or ES384.")
    try:
        key = kind.import_key(_choose(orjson.loads(text), algorithm) if text[0] == "{" else text)
        sign(key, algorithm, "client", "https://server.invalid/token")
    except (JoseError, ValueError, TypeError, LookupError, AttributeError):
        key = None
    if key is None:
        raise ConfigError(
            f"The key file holds no private key for {algorithm}.",
            hint="RS384 takes an RSA key, ES384 one on P-384; PEM without a passphrase, or a JWK.",
        )
    return key


def sign(key: RSAKey | ECKey, algorithm: str, client_id: str, token_url: str) -> str:
    """Return a new assertion; each has a jti of its own."""
    assertion: str = private_key_jwt_sign(
        key,
        client_id,
        token_url,
        alg=algorithm,
        header={"typ": "JWT", "kid": key.kid or key.thumbprint()},
        expires_in=SECONDS,
    )
    return assertion


def _choose(document: Json, algorithm: str) -> Json:
    """Return the JWK itself, or the one of a set (RFC 7517 5) that is for this algorithm."""
    if "keys" not in document:
        return document
    kind = "RSA" if algorithm == "RS384" else "EC"
    fitting = [
        key
        for key in document["keys"]
        if key.get("alg", algorithm) == algorithm and key.get("kty") == kind and "d" in key
    ]
    return fitting[0]
