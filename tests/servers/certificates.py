"""Certificates for tests of TLS: a good one, and three that a client must refuse."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import trustme

from faults import Verb

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = ("localhost", "127.0.0.1")


@dataclass(slots=True)
class Certificates:
    """An authority of our own and what it, or another one, has signed."""

    authority: trustme.CA = field(default_factory=trustme.CA)
    issued: dict[str, trustme.LeafCert] = field(default_factory=dict)

    def of(self, fault: str) -> trustme.LeafCert:
        """Return the certificate with this fault, "" for a good one."""
        if fault not in self.issued:
            self.issued[fault] = self._issue(fault)
        return self.issued[fault]

    def _issue(self, fault: str) -> trustme.LeafCert:
        if fault == Verb.TLS_UNTRUSTED:
            return trustme.CA().issue_cert(*HOSTS)
        if fault == Verb.TLS_EXPIRED:
            past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
            return self.authority.issue_cert(*HOSTS, not_before=past, not_after=past.replace(day=2))
        if fault == Verb.TLS_WRONG_HOST:
            return self.authority.issue_cert("fhir.example.org")
        return self.authority.issue_cert(*HOSTS)

    def write_authority(self, path: Path) -> Path:
        """Write the authority's certificate for a client's --ca-file."""
        self.authority.cert_pem.write_to_path(str(path))
        return path
