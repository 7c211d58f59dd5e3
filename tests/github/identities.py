# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of Apps and certificates, made for a test run."""

from __future__ import annotations

import datetime
import ipaddress
import pathlib
import ssl
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from double import canary


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem(key: t.Any, password: bytes = b"", pkcs8: bool = False) -> str:
    """A private key as a file holds it; GitHub gives it in the older form."""
    form = serialization.PrivateFormat.PKCS8 if pkcs8 or password else serialization.PrivateFormat.TraditionalOpenSSL
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    kind = "App key" if isinstance(key, rsa.RSAPrivateKey) else "private key"
    return canary.remember(kind, key.private_bytes(serialization.Encoding.PEM, form, lock).decode())


def certificate(folder: pathlib.Path, *names: str) -> tuple[ssl.SSLContext, pathlib.Path]:
    """A context for a server of these names, and the file with the private authority that vouches for it."""
    now, authority_key, server_key = datetime.datetime.now(datetime.timezone.utc), ec_key(), ec_key()
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Acme Private CA")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])

    def signed(who: x509.Name, key: t.Any, *extensions: tuple[t.Any, bool]) -> x509.Certificate:
        builder = x509.CertificateBuilder(authority, who, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(days=1))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(authority_key, hashes.SHA256())

    alternatives = [x509.DNSName(name) for name in names] + [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    known_by = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    vouched = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    root = signed(authority, authority_key, (x509.BasicConstraints(True, None), True), (_key_usage(), True), (known_by, False))
    leaf = signed(subject, server_key, (x509.SubjectAlternativeName(alternatives), False), (vouched, False))
    (folder / "ca.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (folder / "server.pem").write_text(pem(server_key) + leaf.public_bytes(serialization.Encoding.PEM).decode())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context, folder / "ca.pem"


def _key_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
