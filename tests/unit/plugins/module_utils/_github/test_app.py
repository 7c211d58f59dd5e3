# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assertions of an App, and signing with a runner that is injected."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fakes import Clock, Script, said  # noqa: E402

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result  # noqa: E402
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github import errors, signing  # noqa: E402
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.app import App, AppAuthority, assertion  # noqa: E402
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.exchange import Exchange  # noqa: E402
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import parse_target  # noqa: E402

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\n"
TOKEN = {"token": "ghs_new", "expires_at": "2026-11-25T04:00:00Z"}


def decoded(part):
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_an_assertion_begins_a_minute_ago_and_ends_within_ten():
    signed = []
    text = assertion("Iv23li", lambda data: signed.append(data) or b"\xff\xfe", 1000.9).reveal()
    header, claims, signature = text.split(".")
    assert decoded(header) == {"alg": "RS256", "typ": "JWT"} and decoded(claims) == {"iat": 940, "exp": 1540, "iss": "Iv23li"}
    assert signature == "__4" and signed == [f"{header}.{claims}".encode()]


def authority(*answers, client_id="Iv23li", url="https://github.com/acme", installation=7):
    script = Script(*answers)
    made = AppAuthority(App(client_id, lambda data: b"signature", installation), parse_target(url), Exchange(script, Clock(1_795_000_000.0), 300))
    return made, script


def test_the_token_is_asked_for_once():
    made, script = authority(said(201, TOKEN))
    assert [made.token().reveal() for _time in range(3)] == ["ghs_new"] * 3 and len(script.requests) == 1
    assert json.loads(script.requests[0].body) == {"permissions": {"organization_self_hosted_runners": "write"}}
    assert made.renew() and not made.renew()


@pytest.mark.parametrize("client_id", ["", "a b", "a\n", "a/../b", "\u00e9"])
def test_a_client_id_that_is_none(client_id):
    with pytest.raises(errors.InputError, match="app.client_id: got"):
        authority(client_id=client_id)


@pytest.mark.parametrize("answer", [{}, [], {"token": "x"}, {"token": "", "expires_at": TOKEN["expires_at"]}, {"token": "x", "expires_at": "soon"}])
def test_an_answer_without_a_token(answer):
    with pytest.raises(errors.BadAnswerError, match="get a token for the App: the answer has no token"):
        authority(said(201, answer))[0].token()


def test_an_installation_without_a_number():
    with pytest.raises(errors.BadAnswerError, match="the answer has no id"):
        authority(said(200, {"id": "x"}), installation=None)[0].token()


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "app.pem"
    path.write_text(KEY)
    return str(path)


def test_openssl_gets_the_path_in_argv_and_the_text_on_stdin(key_file):
    asked = []

    def run(argv, env=None, stdin=""):
        asked.append((argv, env, stdin))
        return Result(0, f"SHA2-256(stdin)= {'ab' * 256}\n", "")

    assert signing.openssl_signer(run, key_file)(b"a.b") == b"\xab" * 256
    assert asked == [(["/usr/bin/openssl", "dgst", "-sha256", "-sign", key_file, "-passin", "pass:", "-hex"], None, "a.b")]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (Result(1, "", "unable to load\nkey"), "cannot sign with .* .it ended with 1: unable to load key"),
        (Result(127, "", "not found"), "ended with 127"),
        (Result(0, f"x= {'ab' * 71}", ""), "is no RSA key of at least 2048 bits"),
        (Result(0, "x= nothing", ""), "is no RSA key of at least 2048 bits"),
        (Result(0, "", ""), "is no RSA key of at least 2048 bits"),
    ],
)
def test_what_openssl_cannot_do(key_file, result, message):
    with pytest.raises(errors.InputError, match=message):
        signing.openssl_signer(lambda argv, env=None, stdin="": result, key_file)(b"x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (KEY.replace("RSA", "ENCRYPTED"), "is encrypted"),
        (KEY.replace("MIIEow", "Proc-Type: 4,ENCRYPTED"), "is encrypted"),
        (KEY.replace("RSA", "EC"), "is no RSA key"),
        (KEY.replace("RSA", "OPENSSH"), "is no RSA key"),
        ("ghp_abc", "is no private key in PEM form"),
    ],
)
def test_keys_that_cannot_serve(text, message):
    with pytest.raises(errors.InputError, match=f"app.key {message}"):
        signing.check_key(text, "app.key")


def test_an_app_for_an_enterprise():
    with pytest.raises(errors.InputError, match="GitHub has no permission by which an App could manage the runners of an enterprise"):
        authority(url="https://github.com/enterprises/corp")
