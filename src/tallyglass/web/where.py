"""Where the dashboard listens and by what names it is reached: on this machine alone, or elsewhere and then by TLS."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from tallyglass.app.problems import Problem
from tallyglass.web.address import Address, elsewhere, local

_HTTPS = 443


@dataclass(frozen=True, slots=True)
class Where:
    """What was asked for; `checked` before it is used."""

    port: int
    #: A numeric address of this machine; empty: its own alone.
    listen: str = ""
    certificate: Path | None = None
    certificate_key: Path | None = None
    #: The public origin of a proxy that ends TLS and passes requests on to us.
    behind: str = ""

    def checked(self) -> Where:
        """This, if it is safe. Raises `Problem`: nobody but this machine is served without TLS."""
        if (self.certificate is None) != (self.certificate_key is None):
            raise Problem("usage", "A certificate and its key belong together.", "Give both, or neither.")
        if self.listen and not self._is_number():
            raise Problem("usage", f"{self.listen} is not an address.", "Give a number, such as 192.0.2.7 or ::.")
        if self.behind and not _is_origin(self.behind):
            fix = "It is what a browser shows before the first slash: https://tally.example"
            raise Problem("usage", f"{self.behind} is not the origin of a proxy with TLS.", fix)
        if self.certificate is None and not self.behind and not self._on_this_machine():
            text = f"At {self.listen} others could read along: there, Tallyglass is served by TLS only."
            fix = "Give --certificate and --certificate-key, or --behind https://NAME where a proxy ends TLS."
            raise Problem("no_tls", text, fix)
        if self.certificate is not None:
            self._try_certificate()
        return self

    def address(self, port: int) -> Address:
        """The names that are answered to, once it is known which port it is."""
        if self.behind:
            return elsewhere(self.behind)
        if self.certificate is None:
            return local(port)
        end = "" if port == _HTTPS else f":{port}"
        return elsewhere(*(f"https://{name}{end}" for name in self._names()))

    def _is_number(self) -> bool:
        try:
            ip_address(self.listen)
        except ValueError:
            return False
        return True

    def _on_this_machine(self) -> bool:
        return not self.listen or ip_address(self.listen).is_loopback

    def _try_certificate(self) -> None:
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate or "", self.certificate_key, password=_nobody_is_asked)
        except (OSError, ValueError) as error:
            text = f"Certificate and key cannot be used: {error}."
            raise Problem("certificate", text, "Give both as PEM files; the key without a passphrase.") from None
        if not self._names():
            text = "The certificate names no host that could be answered to."
            raise Problem("certificate", text, "It needs a subject alternative name, without a star.")

    def _names(self) -> list[str]:
        """The hosts of the certificate, names before numbers."""
        from cryptography import x509

        certificate = x509.load_pem_x509_certificate((self.certificate or Path()).read_bytes())
        try:
            found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return []
        names = [name.lower() for name in found.get_values_for_type(x509.DNSName) if "*" not in name]
        numbers = found.get_values_for_type(x509.IPAddress)
        return names + [f"[{each}]" if each.version == 6 else str(each) for each in numbers]


def _is_origin(text: str) -> bool:
    """Written as browsers write it."""
    try:
        parts = urlsplit(text)
        port = "" if parts.port in (None, _HTTPS) else f":{parts.port}"
    except ValueError:
        return False
    name = parts.hostname or ""
    return (
        re.fullmatch("[a-z0-9.:-]+", name) is not None
        and text == f"https://{f'[{name}]' if ':' in name else name}{port}"
    )


def _nobody_is_asked() -> str:
    raise ValueError("the key is locked with a passphrase")
