"""Who signs requests, with what, and who never sees it."""

from __future__ import annotations

import logging
import os
import time
import traceback
from base64 import b64decode
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from dicom2fhir.deliver.server.assertion import load_key
from dicom2fhir.deliver.server.client import Client
from dicom2fhir.deliver.server.exchange import (
    CredentialsError,
    Fault,
    NoReplyError,
    RedirectedError,
    Request,
)
from dicom2fhir.errors import ConfigError, Dicom2FhirError, ServerRefusedError
from dicom2fhir.options import AuthOptions
from wire import Clock, Wire, answer, close

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wire import Answer

GET = Request(method="GET", path="metadata")
SENTINEL = "SENTINEL-7f3a91"
RSA = RSAKey.generate_key(2048, private=True)
EC = ECKey.generate_key("P-384", private=True)


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        path = tmp_path / f"secret-{len(list(tmp_path.iterdir()))}"
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    return write


def token_reply(value: str = "T1", **more: object) -> bytes:
    body = {"access_token": value, "token_type": "bearer", "expires_in": 300, **more}
    return answer(200, orjson.dumps(body), Content_Type="application/json")


def sent_tokens(wire: Wire) -> list[str | None]:
    return [asked.headers.get("authorization") for asked in wire.asked]


# --- bearer and basic -------------------------------------------------------------------------


def test_a_token_comes_from_a_file(secret: Callable[[str], str]) -> None:
    auth = AuthOptions(kind="bearer", token_file=secret("abc\n"))
    with Wire([answer(200)]) as wire, Client(wire.options(auth=auth)) as client:
        client.send(GET)
    assert sent_tokens(wire) == ["Bearer abc"]


def test_a_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR_TOKEN", "abc")
    auth = AuthOptions(kind="bearer", token_env="FHIR_TOKEN")  # noqa: S106 - a name
    with Wire([answer(200)]) as wire, Client(wire.options(auth=auth)) as client:
        client.send(GET)
    assert sent_tokens(wire) == ["Bearer abc"]


def test_a_token_comes_from_a_command_whose_stderr_is_not_shown(
    capfd: pytest.CaptureFixture[str],
) -> None:
    auth = AuthOptions(kind="bearer", token_command=f"echo {SENTINEL} >&2; echo abc")
    with Wire([answer(200)]) as wire, Client(wire.options(auth=auth)) as client:
        client.send(GET)
    assert sent_tokens(wire) == ["Bearer abc"]
    assert SENTINEL not in "".join(capfd.readouterr())


def test_a_command_that_never_stops_printing_is_ended() -> None:
    auth = AuthOptions(kind="bearer", token_command="yes")  # noqa: S106 - a command
    with (
        Wire([answer(200)]) as wire,
        Client(wire.options(auth=auth)) as client,
        pytest.raises(ConfigError, match="no token"),
    ):
        client.send(GET)


def test_the_exit_code_of_a_command_that_fails_is_told() -> None:
    auth = AuthOptions(kind="bearer", token_command="exit 3")  # noqa: S106 - a command
    with (
        Wire([answer(200)]) as wire,
        Client(wire.options(auth=auth)) as client,
        pytest.raises(ConfigError, match="failed with exit code 3"),
    ):
        client.send(GET)


def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom2fhir.deliver.server.secret._COMMAND_SECONDS", 0.2)
    auth = AuthOptions(kind="bearer", token_command="sleep 30")  # noqa: S106 - a command
    with (
        Wire([answer(200)]) as wire,
        Client(wire.options(auth=auth)) as client,
        pytest.raises(ConfigError, match="took longer"),
    ):
        client.send(GET)


def test_a_byte_order_mark_is_no_part_of_a_token(secret: Callable[[str], str]) -> None:
    auth = AuthOptions(kind="bearer", token_file=secret("\ufeffabc\r\n"))
    with Wire([answer(200)]) as wire, Client(wire.options(auth=auth)) as client:
        client.send(GET)
    assert sent_tokens(wire) == ["Bearer abc"]


def test_a_refused_token_is_read_again_once(secret: Callable[[str], str]) -> None:
    path = secret("old")
    auth = AuthOptions(kind="bearer", token_file=path)
    with (
        Wire([answer(200), answer(401), answer(200)]) as wire,
        Client(wire.options(auth=auth)) as client,
    ):
        client.send(GET)
        with open(path, "w", encoding="ascii") as file:
            file.write("new")
        assert client.send(GET).status == 200
    assert sent_tokens(wire) == ["Bearer old", "Bearer old", "Bearer new"]


def test_the_same_token_is_not_tried_twice(secret: Callable[[str], str]) -> None:
    auth = AuthOptions(kind="bearer", token_file=secret("abc"))
    with (
        Wire([answer(401)]) as wire,
        Client(wire.options(auth=auth)) as client,
        pytest.raises(CredentialsError) as caught,
    ):
        client.send(GET)
    assert caught.value.exit_code == 6
    assert len(wire.asked) == 1


def test_a_user_has_a_password(secret: Callable[[str], str]) -> None:
    auth = AuthOptions(kind="basic", user="jo", password_file=secret("pässword"))
    with Wire([answer(200)]) as wire, Client(wire.options(auth=auth)) as client:
        client.send(GET)
    (header,) = sent_tokens(wire)
    assert b64decode(str(header).removeprefix("Basic ")).decode() == "jo:pässword"


def test_a_401_without_credentials_ends_the_run() -> None:
    with (
        Wire([answer(401)]) as wire,
        Client(wire.options()) as client,
        pytest.raises(CredentialsError),
    ):
        client.send(GET)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644])
def test_a_file_that_others_may_read_is_refused(secret: Callable[[str], str], mode: int) -> None:
    path = secret(SENTINEL)
    os.chmod(path, mode)
    refused(AuthOptions(kind="bearer", token_file=path), "open to other users")


@pytest.mark.parametrize("text", ["", "  \n", "a b", "a\r\nX-Injected: 1", "ä", "x" * 70_000])
def test_what_is_no_token_is_refused(secret: Callable[[str], str], text: str) -> None:
    refused(AuthOptions(kind="bearer", token_file=secret(text)), "token")


@pytest.mark.parametrize(
    ("auth", "sentence"),
    [
        (AuthOptions(kind="bearer"), "one place"),
        (AuthOptions(kind="bearer", token_file="a", token_env="b"), "one place"),  # noqa: S106
        (AuthOptions(kind="bearer", token_file="/nonexistent/DOE"), "cannot be read"),  # noqa: S106
        (AuthOptions(kind="bearer", token_env="NO_SUCH_VARIABLE"), "no token"),  # noqa: S106
        (AuthOptions(kind="bearer", token_command="exit 3"), "command"),  # noqa: S106
        (AuthOptions(kind="basic", user="jo"), "password"),
        (AuthOptions(kind="basic", user="a:b", password_file="x"), "colon"),  # noqa: S106
        (AuthOptions(kind="client-credentials"), "id of this client"),
        (AuthOptions(kind="client-credentials", client_id="a"), "file of a secret"),
        (AuthOptions(kind="smart-backend", client_id="a"), "private key"),
        (AuthOptions(kind="kerberos"), "unknown"),
    ],
)
def test_options_that_do_not_suffice_are_said_in_a_sentence(
    auth: AuthOptions, sentence: str
) -> None:
    assert "DOE" not in str(refused(auth, sentence))


def refused(auth: AuthOptions, sentence: str) -> ConfigError:
    with Wire([answer(200)]) as wire, pytest.raises(ConfigError, match=sentence) as caught:
        Client(wire.options(auth=auth)).send(GET)
    assert wire.asked == []
    assert SENTINEL not in "".join(traceback.format_exception(caught.value))
    return caught.value


# --- tokens that are granted ------------------------------------------------------------------


@pytest.fixture
def grant(secret: Callable[[str], str]) -> AuthOptions:
    return AuthOptions(
        kind="client-credentials", client_id="id:1", client_secret_file=secret(SENTINEL)
    )


def test_a_client_proves_itself_by_its_secret_and_the_token_is_kept(grant: AuthOptions) -> None:
    with Wire([token_reply()]) as giver, Wire([answer(200)]) as wire:
        auth = replace(grant, token_url=f"{giver.base}/token")
        with Client(wire.options(auth=auth)) as client:
            client.send(GET)
            client.send(GET)
            assert client.token_url == auth.token_url
    (asked,) = giver.asked
    assert asked.line == "POST /fhir/token HTTP/1.1"
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode() == (
        f"id%3A1:{SENTINEL}"
    )
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["system/*.cruds"],
    }
    assert sent_tokens(wire) == ["Bearer T1", "Bearer T1"]


def test_a_token_is_renewed_at_four_fifths_of_its_life(grant: AuthOptions) -> None:
    clock = Clock()
    with Wire([token_reply("T1"), token_reply("T2")]) as giver, Wire([answer(200)]) as wire:
        auth = replace(grant, token_url=f"{giver.base}/token")
        with Client(wire.options(auth=auth), clock=clock) as client:
            for seconds in (0.0, 239.0, 1.0, 239.0):
                clock.now += seconds
                client.send(GET)
    assert sent_tokens(wire) == ["Bearer T1", "Bearer T1", "Bearer T2", "Bearer T2"]


def test_a_refused_token_is_renewed_once_and_the_body_sent_again(grant: AuthOptions) -> None:
    request = Request(method="PUT", path="Binary/7", body=lambda: iter([b"abc"]), length=3)
    with (
        Wire([token_reply("T1"), token_reply("T2")]) as giver,
        Wire([answer(401), answer(200)]) as wire,
    ):
        auth = replace(grant, token_url=f"{giver.base}/token")
        with Client(wire.options(auth=auth)) as client:
            assert client.send(request).status == 200
    assert sent_tokens(wire) == ["Bearer T1", "Bearer T2"]
    assert [asked.body for asked in wire.asked] == [b"abc", b"abc"]


def test_a_second_401_ends_the_run(grant: AuthOptions) -> None:
    with Wire([token_reply("T1"), token_reply("T2")]) as giver, Wire([answer(401)]) as wire:
        auth = replace(grant, token_url=f"{giver.base}/token")
        with Client(wire.options(auth=auth)) as client, pytest.raises(CredentialsError):
            client.send(GET)
    assert len(wire.asked) == 2


@pytest.mark.parametrize("life", [None, 0, -5, "nonsense", [], "1e999"])
def test_a_token_without_a_sound_life_is_kept_until_it_is_refused(
    grant: AuthOptions, life: object
) -> None:
    clock = Clock()
    with Wire([token_reply(expires_in=life)]) as giver, Wire([answer(200)]) as wire:
        auth = replace(grant, token_url=f"{giver.base}/token")
        with Client(wire.options(auth=auth), clock=clock) as client:
            client.send(GET)
            clock.now += 1e6
            client.send(GET)
    assert len(giver.asked) == 1


def test_the_server_tells_who_gives_out_tokens(grant: AuthOptions) -> None:
    with Wire([token_reply()]) as giver:
        found = answer(200, orjson.dumps({"token_endpoint": f"{giver.base}/token"}))
        with Wire([found, answer(200)]) as wire, Client(wire.options(auth=grant)) as client:
            client.send(GET)
            assert client.token_url == f"{giver.base}/token"
    assert wire.asked[0].line == "GET /fhir/.well-known/smart-configuration HTTP/1.1"
    assert sent_tokens(wire) == [None, "Bearer T1"]


@pytest.mark.parametrize(
    "said",
    [
        answer(404),
        answer(200, b"<html>"),
        answer(200, b"[]"),
        answer(200, b'{"token_endpoint": 7}'),
        answer(200, b'{"token_endpoint": "http://evil.example/token"}'),
        answer(200, b'{"token_endpoint": "https://u:p@evil.example/token"}'),
        answer(200, b'{"token_endpoint": "/token"}'),
    ],
)
def test_no_secret_goes_to_an_endpoint_that_is_not_sound(grant: AuthOptions, said: bytes) -> None:
    with (
        Wire([said]) as wire,
        Client(wire.options(auth=grant)) as client,
        pytest.raises(ConfigError),
    ):
        client.send(GET)
    assert sent_tokens(wire) == [None]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (answer(400, b'{"error":"invalid_scope","error_description":"DOE"}'), "invalid_scope"),
        (answer(401, b'{"error":"DOE"}'), "401"),
        (answer(400, b'{"error":["DOE"]}'), "400"),
        (answer(200, b"<html>DOE"), "200"),
        (answer(200, b'{"access_token":"a\\r\\nX: DOE"}'), "token"),
    ],
)
def test_a_refusal_shows_a_known_code_or_the_status_and_nothing_else(
    grant: AuthOptions, said: bytes, sentence: str
) -> None:
    with Wire([said]) as giver:
        auth = replace(grant, token_url=giver.base)
        with (
            Client(giver.options(auth=auth)) as client,
            pytest.raises(ConfigError, match=sentence) as caught,
        ):
            client.send(GET)
    assert "DOE" not in f"{caught.value} {caught.value.hint}"
    assert len(giver.asked) == 1


@pytest.mark.parametrize(
    ("said", "fault"),
    [(answer(503), Fault.NO_TOKEN), (answer(429), Fault.NO_TOKEN), (close, Fault.LOST)],
)
def test_a_giver_that_fails_may_be_asked_later_and_nothing_was_sent(
    grant: AuthOptions, said: Answer, fault: Fault
) -> None:
    with Wire([said]) as giver, Wire([answer(200)]) as wire:
        auth = replace(grant, token_url=giver.base)
        with Client(wire.options(auth=auth)) as client, pytest.raises(NoReplyError) as caught:
            client.send(GET)
    assert (caught.value.fault, caught.value.sent) == (fault, False)
    assert wire.asked == []


def test_a_clock_that_is_wrong_is_said(grant: AuthOptions) -> None:
    said = answer(400, b'{"error":"invalid_client"}', Date="Wed, 21 Oct 2015 07:28:00 GMT")
    with Wire([said]) as giver:
        auth = replace(grant, token_url=giver.base)
        with Client(giver.options(auth=auth)) as client, pytest.raises(CredentialsError) as caught:
            client.send(GET)
    assert "ahead of the server's" in caught.value.hint


# --- SMART Backend Services -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "algorithm", "key"),
    [
        (RSA.as_pem(private=True).decode(), "RS384", RSA),
        (EC.as_pem(private=True).decode(), "ES384", EC),
        (orjson.dumps({**EC.as_dict(private=True), "kid": "K1"}).decode(), "ES384", EC),
        (
            orjson.dumps({"keys": [RSA.as_dict(private=True), EC.as_dict(private=True)]}).decode(),
            "ES384",
            EC,
        ),
    ],
)
def test_a_service_signs_short_assertions_each_with_its_own_jti(
    secret: Callable[[str], str], text: str, algorithm: str, key: RSAKey | ECKey
) -> None:
    auth = AuthOptions(
        kind="smart-backend", client_id="me", key_file=secret(text), algorithm=algorithm
    )
    with Wire([token_reply("T1"), token_reply("T2")]) as giver:
        auth = replace(auth, token_url=f"{giver.base}/token")
        with (
            Wire([answer(401), answer(200)]) as wire,
            Client(wire.options(auth=auth)) as client,
        ):
            client.send(GET)
    seen = set()
    for asked in giver.asked:
        form = parse_qs(asked.body.decode())
        assert form["client_assertion_type"] == [
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        ]
        read = jwt.decode(form["client_assertion"][0], key, algorithms=[algorithm])
        assert read.header["kid"] in {"K1", key.thumbprint()}
        claims = read.claims
        assert (claims["iss"], claims["sub"], claims["aud"]) == ("me", "me", auth.token_url)
        assert abs(claims["iat"] - time.time()) < 60
        assert 0 < claims["exp"] - claims["iat"] <= 300
        seen.add(claims["jti"])
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("text", "algorithm"),
    [
        ("nonsense", "RS384"),
        ("{}", "ES384"),
        ("{nonsense", "ES384"),
        ('{"keys": []}', "ES384"),
        ('{"keys": 7}', "ES384"),
        (EC.as_pem(private=True).decode(), "RS384"),
        (RSA.as_pem(private=True).decode(), "ES384"),
        (EC.as_pem(private=False).decode(), "ES384"),
        (ECKey.generate_key("P-256").as_pem(private=True).decode(), "ES384"),
        (EC.as_pem(private=True, password="x").decode(), "ES384"),  # noqa: S106
        (EC.as_pem(private=True).decode(), "HS256"),
    ],
)
def test_a_key_that_is_not_for_the_algorithm_is_refused(text: str, algorithm: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_key(text, algorithm)
    assert "BEGIN" not in str(caught.value)


# --- nobody else sees it ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        answer(200),
        answer(401),
        answer(403),
        answer(500, SENTINEL.encode()),
        answer(302, Location=f"https://other.example/{SENTINEL}"),
        close,
        b"nonsense " + SENTINEL.encode() + b"\r\n\r\n",
    ],
)
def test_a_token_is_in_no_error_value_log_or_output(
    secret: Callable[[str], str],
    said: Answer,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    auth = AuthOptions(kind="bearer", token_file=secret(SENTINEL))
    shown: list[str] = []
    with (
        caplog.at_level(logging.DEBUG),
        Wire([said]) as wire,
        Client(wire.options(auth=auth)) as client,
    ):
        try:
            shown.append(repr(client.send(GET)))
        except Dicom2FhirError as error:
            shown += traceback.format_exception(error)
            shown.append(f"{error!r} {error.hint} {vars(error)}")
        shown += [repr(client), repr(vars(client)), repr(vars(client)["_signer"])]
    assert sent_tokens(wire)[0] == f"Bearer {SENTINEL}"
    assert SENTINEL not in "".join([*shown, caplog.text, *capfd.readouterr()])


def test_a_token_goes_to_no_other_origin(secret: Callable[[str], str]) -> None:
    auth = AuthOptions(kind="bearer", token_file=secret(SENTINEL))
    with (
        Wire([answer(200)]) as other,
        Wire([answer(307, Location=other.base)]) as wire,
        Client(wire.options(auth=auth)) as client,
    ):
        with pytest.raises(RedirectedError):
            client.send(GET)
        with pytest.raises(ServerRefusedError):
            client.send(Request(method="GET", path=f"{other.base}/metadata"))
    assert other.asked == []
