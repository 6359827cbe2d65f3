"""TLS: whom the client believes, and how it shows who it is."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from certificates import Certificates
from dicom2fhir.deliver.server.client import Client
from dicom2fhir.deliver.server.exchange import Request
from dicom2fhir.errors import ConfigError
from faults import Verb
from wire import Wire, answer

if TYPE_CHECKING:
    from pathlib import Path

    import trustme

GET = Request(method="GET", path="metadata")


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates()


@pytest.fixture
def ca_file(certificates: Certificates, tmp_path: Path) -> str:
    return str(certificates.write_authority(tmp_path / "ca.pem"))


def serve(certificate: trustme.LeafCert) -> Wire:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return Wire([answer(200, b"{}")], context=context)


def test_a_server_signed_by_the_ca_file_is_believed(
    certificates: Certificates, ca_file: str
) -> None:
    wire = serve(certificates.of(""))
    with wire, Client(wire.options(ca_file=ca_file)) as client:
        assert client.send(GET).status == 200


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Verb.TLS_UNTRUSTED, "not signed by anybody"),
        (Verb.TLS_EXPIRED, "has expired"),
        (Verb.TLS_WRONG_HOST, "for another name"),
    ],
)
def test_a_wrong_certificate_ends_the_run_in_a_sentence_before_anything_is_sent(
    certificates: Certificates, ca_file: str, fault: Verb, sentence: str
) -> None:
    wire = serve(certificates.of(fault))
    with (
        wire,
        Client(wire.options(ca_file=ca_file)) as client,
        pytest.raises(ConfigError, match=sentence) as caught,
    ):
        client.send(GET)
    assert caught.value.exit_code == 6
    assert wire.asked == []


def test_without_the_ca_file_its_servers_are_not_believed(certificates: Certificates) -> None:
    wire = serve(certificates.of(""))
    with wire, Client(wire.options()) as client, pytest.raises(ConfigError, match="not signed"):
        client.send(GET)


def test_ssl_variables_of_the_environment_are_not_believed(
    certificates: Certificates, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    wire = serve(certificates.of(""))
    with wire, Client(wire.options()) as client, pytest.raises(ConfigError):
        client.send(GET)


def mutual(certificates: Certificates) -> Wire:
    wire = serve(certificates.of(""))
    assert wire.context is not None
    wire.context.verify_mode = ssl.CERT_REQUIRED
    certificates.authority.configure_trust(wire.context)
    return wire


def test_a_client_shows_its_certificate_where_it_has_one(
    certificates: Certificates, ca_file: str, tmp_path: Path
) -> None:
    mine = certificates.authority.issue_cert("client.example")
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    mine.cert_chain_pems[0].write_to_path(str(certificate))
    mine.private_key_pem.write_to_path(str(key))
    shown = {"client_certificate": str(certificate), "client_key": str(key)}
    wire = mutual(certificates)
    with wire, Client(wire.options(ca_file=ca_file, **shown)) as client:
        assert client.send(GET).status == 200


def test_a_missing_client_certificate_is_said(certificates: Certificates, ca_file: str) -> None:
    wire = mutual(certificates)
    with (
        wire,
        Client(wire.options(ca_file=ca_file)) as client,
        pytest.raises(ConfigError, match="client certificate"),
    ):
        client.send(GET)


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_wrong_ca_file_is_said_without_its_path(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "DOE.pem"
    if content is not None:
        path.write_text(content)
    with Wire([answer(200)]) as wire, pytest.raises(ConfigError, match="CA file") as caught:
        Client(wire.options(ca_file=str(path)))
    assert "DOE" not in str(caught.value)


def test_a_key_that_does_not_match_is_said(certificates: Certificates, tmp_path: Path) -> None:
    path, key = tmp_path / "client.pem", tmp_path / "client.key"
    certificates.authority.issue_cert("a.example").cert_chain_pems[0].write_to_path(str(path))
    certificates.authority.issue_cert("b.example").private_key_pem.write_to_path(str(key))
    with Wire([answer(200)]) as wire, pytest.raises(ConfigError, match="do not match"):
        Client(wire.options(client_certificate=str(path), client_key=str(key)))
