"""What a base address may be, and which addresses belong to it."""

from __future__ import annotations

import pytest

from dicom2fhir.deliver.server.address import (
    check_base,
    check_token_url,
    is_loopback,
    name_host,
    origin_of,
    resolve,
)
from dicom2fhir.errors import ConfigError, ServerRefusedError, UsageError

SECRET = "SENTINEL-7f3a"  # noqa: S105 - what must not be seen again


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://server.example/fhir", "https://server.example/fhir"),
        ("https://server.example/fhir///", "https://server.example/fhir"),
        ("https://server.example", "https://server.example"),
        ("HTTPS://Server.Example:8443/FHIR/R4", "https://server.example:8443/FHIR/R4"),
        ("https://[2001:db8::1]:8443/fhir", "https://[2001:db8::1]:8443/fhir"),
        ("http://localhost:8080/fhir", "http://localhost:8080/fhir"),
        ("http://127.0.0.1:8080/fhir", "http://127.0.0.1:8080/fhir"),
        ("http://[::1]/fhir", "http://[::1]/fhir"),
        ("https://xn--krankenhuser-r8a.example/fhir", "https://xn--krankenhuser-r8a.example/fhir"),
    ],
)
def test_a_sound_base_is_kept_without_its_last_slash(given: str, kept: str) -> None:
    assert check_base(given) == kept


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (f"https://user:{SECRET}@server.example/fhir", "user or password"),
        (f"https://{SECRET}@server.example/fhir", "user or password"),
        (f"https://server.example/fhir?key={SECRET}", "no query"),
        (f"https://server.example/fhir#{SECRET}", "no query"),
        ("ftp://server.example/fhir", "begins with https"),
        ("server.example/fhir", "begins with https"),
        ("", "begins with https"),
        ("https:///fhir", "names no host"),
        ("https://server.example:0/fhir", "names no host"),
        ("https://server.example:99999/fhir", "is not a URL"),
        ("https://[::1/fhir", "is not a URL"),
        ("https://krankenhäuser.example/fhir", "ASCII"),
        ("https://server.example/a b", "no URL has"),
        ("https://server.example\\@evil.example/", "user or password"),
        ("https://server.example/fhir\r\nX: y", "no URL has"),
        ("https://server.example/fhir/../admin", "no . or .."),
        ("https://server.example/fhir/%2E%2e/admin", "no . or .."),
        ("http://server.example/fhir", "Plain http"),
        ("http://10.0.0.5/fhir", "Plain http"),
        ("http://localhost.evil.example/fhir", "Plain http"),
        ("http://127.1/fhir", "Plain http"),
        ("http://2130706433/fhir", "Plain http"),
    ],
)
def test_an_unsound_base_is_refused_in_one_sentence_that_does_not_repeat_it(
    given: str, why: str
) -> None:
    with pytest.raises(UsageError) as caught:
        check_base(given)
    assert why in str(caught.value)
    assert SECRET not in f"{caught.value} {caught.value.hint}"


def test_plain_http_is_taken_where_it_is_asked_for() -> None:
    assert check_base("http://server.example/fhir", allow_http=True) == "http://server.example/fhir"


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [("localhost", True), ("127.8.9.1", True), ("::1", True), ("10.0.0.1", False), ("::", False)],
)
def test_loopback_is_this_machine_and_nothing_else(host: str, is_ours: bool) -> None:  # noqa: FBT001
    assert is_loopback(host) is is_ours


def test_the_default_port_is_part_of_an_origin() -> None:
    assert origin_of("https://a.example/x") == origin_of("https://a.example:443/y")
    assert origin_of("https://a.example") != origin_of("http://a.example")


BASE = "https://server.example:8443/fhir"


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("", BASE),
        ("metadata", f"{BASE}/metadata"),
        ("Patient/_search", f"{BASE}/Patient/_search"),
        ("?_getpages=1", f"{BASE}?_getpages=1"),
        ("Binary/7/$read?path=Binary", f"{BASE}/Binary/7/$read?path=Binary"),
        (f"{BASE}?_getpages=2&_bundletype=searchset", f"{BASE}?_getpages=2&_bundletype=searchset"),
        ("https://server.example:8443/other/page/2", "https://server.example:8443/other/page/2"),
        ("/fhir/Binary/7#part", f"{BASE}/Binary/7"),
    ],
)  # fmt: skip
def test_a_path_lies_below_the_base_and_a_link_on_its_origin(path: str, url: str) -> None:
    assert resolve(BASE, path) == url


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/fhir/Binary/7",
        "http://server.example:8443/fhir/Binary/7",
        "https://server.example/fhir/Binary/7",
        "https://server.example:8443@evil.example/fhir",
        "https://user@server.example:8443/fhir",
        "//evil.example/fhir",
        "/\\evil.example/fhir",
        "Binary/../../admin",
        "Binary/%2e%2e/x",
        "Binary/..%2fx",
        "Binary/7\r\nX-Injected: 1",
        "file:///etc/passwd",
        "https://[::1",
    ],
)
def test_an_address_off_the_origin_or_with_dots_is_refused(path: str) -> None:
    with pytest.raises(ServerRefusedError) as caught:
        resolve(BASE, path)
    assert "evil" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://auth.example/token", f"https://u:{SECRET}@auth.example/token", "ftp://x/", "nonsense"],
)
def test_secrets_go_to_https_or_this_machine_only(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_token_url(url)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://auth.example/token?tenant=1", "http://127.0.0.1:1234/token"]
)
def test_a_token_address_may_have_a_query(url: str) -> None:
    assert check_token_url(url) == url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://Other.example/x?name=DOE", "other.example"),
        ("https://ev\x1b[2Jil/", "another address"),
        ("/relative", "another address"),
        ("https://[bad", "another address"),
    ],
)
def test_only_a_host_of_plain_letters_is_shown(url: str, shown: str) -> None:
    assert name_host(url) == shown
