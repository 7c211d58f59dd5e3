# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Signing with the key of a GitHub App: with ``cryptography`` on a controller, with the system's ``openssl`` on a Mac."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import InputError

#: Signs bytes with RSA (PKCS #1 v1.5) and SHA-256.
Signer = t.Callable[[bytes], bytes]

OPENSSL = "/usr/bin/openssl"
#: The least that GitHub makes.
_LEAST_BITS = 2048
_LARGEST_KEY = 65536


class MissingLibraryError(InputError):
    """``cryptography`` cannot be imported."""


def read_key(path: str) -> str:
    """The text of a key file; raises :class:`InputError` when it cannot serve."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            text = file.read(_LARGEST_KEY).decode("ascii", "replace")
    except OSError as error:
        raise InputError(f"app.key_file: {path} cannot be read: {error.strerror}") from error
    check_key(text, f"app.key_file: {path}")
    return text


def check_key(text: str, where: str) -> None:
    """Refuse what is no unencrypted private key, without showing it."""
    if "PRIVATE KEY-----" not in text:
        raise InputError(f"{where} is no private key in PEM form, as GitHub gives it for download (-----BEGIN RSA PRIVATE KEY-----)")
    if "ENCRYPTED" in text:
        raise InputError(f"{where} is encrypted; give it without a passphrase, in a file that only its owner can read")
    if "BEGIN EC " in text or "BEGIN DSA " in text or "BEGIN OPENSSH " in text:
        raise InputError(f"{where} is no RSA key; GitHub Apps have RSA keys")


def _too_short(where: str) -> str:
    return f"{where} is no RSA key of at least {_LEAST_BITS} bits; GitHub Apps have such keys"


def cryptography_signer(text: str, where: str) -> Signer:
    """Sign in this process."""
    try:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding, rsa
    except ImportError as error:
        raise MissingLibraryError("cryptography") from error
    check_key(text, where)
    try:
        key = serialization.load_pem_private_key(text.encode("ascii"), password=None)
    except Exception as error:
        # The library has an exception for each kind of damage, and its texts may quote the key.
        raise InputError(f"{where} is damaged: it cannot be read as a private key ({type(error).__name__})") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise InputError(f"{where} is no RSA key; GitHub Apps have RSA keys")
    if key.key_size < _LEAST_BITS:
        raise InputError(_too_short(where))
    rsa_key = key

    def sign(data: bytes) -> bytes:
        return rsa_key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    return sign


def openssl_signer(run: Run, path: str, openssl: str = OPENSSL) -> Signer:
    """Sign with the system's openssl, which reads the key itself: only its path is in the process table."""
    read_key(path)

    def sign(data: bytes) -> bytes:
        # An empty passphrase, so that it never asks for one. Hexadecimal, so that the output is text.
        argv = [openssl, "dgst", "-sha256", "-sign", path, "-passin", "pass:", "-hex"]
        result = run(argv, stdin=data.decode("ascii"))
        if result.rc != 0:
            said = " ".join(result.stderr.split())[:200]
            raise InputError(f"app.key_file: {openssl} cannot sign with {path} (it ended with {result.rc}: {said})")
        try:
            signature = bytes.fromhex(result.stdout.rpartition("=")[2].strip())
        except ValueError:
            signature = b""
        if len(signature) * 8 < _LEAST_BITS:
            raise InputError(_too_short(f"app.key_file: {path}"))
        return signature

    return sign
