# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GitHub Apps: assertions that the local GitHub checks, tokens that end, rights that are not granted, keys that are none."""

from __future__ import annotations

import functools
import os
import subprocess
import sys

import identities
import pytest
from double.state import App

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github import edge, errors, signing
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github import runners as api
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.app import App as OurApp
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.app import AppAuthority
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.client import Client
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.exchange import Exchange
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import parse_target

HTTP = {"timeout": 10, "validate_certs": True, "ca_path": None, "use_proxy": True}
CLIENT_ID = "Iv23liTESTTESTTEST01"
PERMISSION = "organization_self_hosted_runners"


@pytest.fixture(scope="session")
def key():
    return identities.rsa_key()


@pytest.fixture
def key_file(key, tmp_path):
    path = tmp_path / "app.pem"
    path.write_text(identities.pem(key))
    path.chmod(0o600)
    return path


@pytest.fixture
def app(github, acme, key):
    made = App(CLIENT_ID, key.public_key(), 42, acme.path, {PERMISSION: "write", "contents": "write"})
    github.world.apps[CLIENT_ID] = made
    github.world.secrets.append(identities.pem(key).splitlines()[5])
    return made


def run(argv, env=None, stdin=""):
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def as_app(github, clock, key):
    """Makes a client with the App's credential."""

    def make(url="/acme", client_id=CLIENT_ID, sign=None, access="write", installation=None):
        target, exchange = parse_target(github.url + url), Exchange(edge._transport(HTTP), clock, 300)
        ours = OurApp(client_id, sign or signing.cryptography_signer(identities.pem(key), "app.key"), installation)
        return Client(target, AppAuthority(ours, target, exchange, access), exchange, access)

    return make


def test_an_app_gets_a_token_with_one_permission_and_uses_it_again(github, acme, app, as_app):
    acme.add("mac-1-a-1")
    asking = as_app()
    assert len(api.list_runners(asking)) == 1 and len(api.list_runners(asking)) == 1
    assert [exchange.path.rpartition("/")[2] for exchange in github.exchanges] == ["installation", "access_tokens", "runners", "runners"]
    assert github.exchanges[1].request_body == b'{"permissions": {"organization_self_hosted_runners": "write"}}'


def test_reading_asks_for_no_more_than_reading(github, acme, app, as_app):
    app.permissions = {PERMISSION: "read"}
    assert api.list_runners(as_app(access="read", installation=42)) == []
    assert [exchange.path.rpartition("/")[2] for exchange in github.exchanges] == ["access_tokens", "runners"]


def test_an_app_on_a_repository_is_bound_to_it(github, app, as_app):
    github.world.scope("/repos/acme/app")
    app.path, app.permissions = "/repos/acme/app", {"administration": "write"}
    assert api.list_runners(as_app("/acme/app.git")) == []
    assert b'"repositories": ["app"]' in github.exchanges[1].request_body


def test_a_token_is_renewed_before_it_ends(github, acme, app, as_app):
    asking = as_app()
    api.list_runners(asking)
    github.world.offset += 3600 - 299
    api.list_runners(asking)
    assert len(github.asked("POST", "access_tokens")) == 2


def test_a_token_that_was_revoked_is_replaced_once(github, acme, app, as_app):
    asking = as_app()
    api.list_runners(asking)
    for token in github.world.tokens.values():
        token.revoked = True
    assert api.list_runners(asking) == []
    github.fault("status", status=401, path="runners", times=9)
    with pytest.raises(errors.CredentialError, match="the GitHub App is wrong, expired or revoked"):
        api.list_runners(asking)
    assert len(github.asked("POST", "access_tokens")) == 3


def test_the_systems_openssl_signs_as_well_and_shows_only_the_path(github, acme, app, as_app, key_file):
    seen = []

    def watched(argv, env=None, stdin=""):
        seen.append(list(argv))
        return run(argv, env, stdin)

    assert api.list_runners(as_app(sign=signing.openssl_signer(watched, str(key_file)))) == []
    assert seen[0] == ["/usr/bin/openssl", "dgst", "-sha256", "-sign", str(key_file), "-passin", "pass:", "-hex"]


def test_both_signers_sign_alike(key, key_file):
    one, other = signing.cryptography_signer(identities.pem(key), "x"), signing.openssl_signer(run, str(key_file))
    assert one(b"a.b") == other(b"a.b")


def refused(make, match, kind=errors.GithubError):
    with pytest.raises(kind, match=match) as caught:
        api.list_runners(make())
    return str(caught.value)


def test_what_github_refuses_an_app_is_explained(github, acme, app, as_app, clock):
    refused(lambda: as_app(client_id="Iv23liOTHER"), 'as "Iv23liOTHER": GitHub answered 401 .A JSON web token could not be decoded', errors.CredentialError)
    refused(lambda: as_app("/elsewhere"), "the App is not installed there, or there is no such organisation", errors.CredentialError)
    refused(lambda: as_app(installation=7), "the App has no installation 7", errors.CredentialError)
    app.permissions = {PERMISSION: "read"}
    refused(as_app, "not granted to this installation.*the App needs the permission organization_self_hosted_runners: write", errors.ForbiddenError)
    app.suspended = True
    refused(as_app, "GitHub answered 403 .This installation has been suspended", errors.ForbiddenError)


@pytest.mark.parametrize(("wrong", "words"), [(1800, "ahead of"), (-1800, "behind")])
def test_a_clock_that_is_wrong_is_named(github, acme, app, as_app, clock, wrong, words):
    right = clock.now
    clock.now = lambda: right() + wrong
    refused(as_app, f"this clock is 1[78][0-9][0-9] s {words} GitHub's: set it right", errors.CredentialError)


@pytest.mark.parametrize("wrong", [7200, 120, -1800, -86400])
def test_a_slot_takes_the_time_of_github_where_its_own_is_wrong(github, acme, app, clock, key, wrong):
    right = clock.now
    clock.now = lambda: right() + wrong
    target, exchange = parse_target(github.url + "/acme"), Exchange(edge._transport(HTTP), clock, 300)
    ours = OurApp(CLIENT_ID, signing.cryptography_signer(identities.pem(key), "app.key"), None)
    asking = Client(target, AppAuthority(ours, target, exchange, lenient=True), exchange)
    assert api.list_runners(asking) == [] and api.list_runners(asking) == []
    assert len(github.asked("POST", "access_tokens")) == 1, "a token that is good is not asked for again"


def test_a_clock_within_a_minute_does(acme, app, as_app, clock):
    right = clock.now
    clock.now = lambda: right() + 50
    assert api.list_runners(as_app()) == []


def test_an_enterprise_takes_no_app(github, as_app):
    with pytest.raises(errors.InputError, match="GitHub has no permission by which an App could manage the runners of an enterprise"):
        as_app("/enterprises/corp")
    assert github.exchanges == []


@functools.lru_cache(maxsize=None)
def keys_that_do_not_do():
    encrypted = identities.pem(identities.rsa_key(), b"secret")
    curve, curve8 = identities.pem(identities.ec_key()), identities.pem(identities.ec_key(), pkcs8=True)
    lines = identities.pem(identities.rsa_key()).splitlines()
    damaged = "\n".join(lines[:3] + lines[4:])
    return [
        (encrypted, "is encrypted; give it without a passphrase", "is encrypted"),
        (curve, "is no RSA key", "is no RSA key"),
        (curve8, "is no RSA key", "is no RSA key"),
        (damaged, "is damaged", "cannot sign with"),
        (identities.pem(identities.rsa_key(1024)), "is no RSA key of at least 2048 bits", "is no RSA key of at least 2048 bits"),
        ("ssh-rsa AAAA", "is no private key in PEM form", "is no private key in PEM form"),
        ("", "is no private key in PEM form", "is no private key in PEM form"),
    ]


@pytest.mark.parametrize("number", range(7))
def test_a_key_that_does_not_do_is_refused_by_both(tmp_path, number):
    text, one, other = keys_that_do_not_do()[number]
    path = tmp_path / "app.pem"
    path.write_text(text)
    for message, call in [
        (one, lambda: signing.cryptography_signer(text, "app.key")),
        (other, lambda: signing.openssl_signer(run, str(path))(b"x")),
    ]:
        with pytest.raises(errors.InputError, match=message) as caught:
            call()
        assert not any(line in str(caught.value) for line in text.splitlines() if len(line) > 20)


def test_a_key_that_cannot_be_read(tmp_path):
    with pytest.raises(errors.InputError, match="app.key_file: .*/none cannot be read: No such file"):
        signing.read_key(str(tmp_path / "none"))
    with pytest.raises(errors.InputError, match="cannot be read: Is a directory"):
        signing.read_key(str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(errors.InputError, match="is no private key"):
        signing.read_key(str(tmp_path / "pipe"))


def test_the_module_takes_the_key_as_text_and_as_file(github, acme, app, key, key_file, play):
    text, file = {"client_id": CLIENT_ID, "key": identities.pem(key)}, {"client_id": CLIENT_ID, "key_file": str(key_file)}
    assert play("github_runners_info", app=text)["runners"] == [] and play("github_runners", app=file)["changed"] is False
    key_file.chmod(0o644)
    result = play("github_runners_info", app=file)
    assert "can be read by others than its owner" in str(result["warnings"])


@pytest.mark.parametrize("number", range(7))
def test_the_module_tells_what_is_wrong_with_a_key(github, acme, app, play, tmp_path, number):
    text, message, _other = keys_that_do_not_do()[number]
    path = tmp_path / "app.pem"
    path.write_text(text)
    path.chmod(0o600)
    result = play("github_runners_info", app={"client_id": CLIENT_ID, "key_file": str(path)})
    assert result["failed"] and result["msg"].startswith(f"app.key_file: {path} ") and message in result["msg"] and github.exchanges == []
    assert not any(line in result["msg"] for line in text.splitlines() if len(line) > 20)


def test_the_module_tells_that_its_clock_is_wrong(acme, app, play, key_file, clock):
    right = clock.now
    clock.now = lambda: right() + 1800
    result = play("github_runners_info", app={"client_id": CLIENT_ID, "key_file": str(key_file)})
    assert result["failed"] and "s ahead of GitHub's: set it right" in result["msg"]


def test_without_cryptography_a_key_as_text_cannot_be_used(github, play, key, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    result = play("github_runners_info", app={"client_id": CLIENT_ID, "key": identities.pem(key)})
    assert result["failed"] and "(cryptography)" in result["msg"] and "With app.key_file in place of app.key" in result["msg"]
    assert github.exchanges == []


def test_without_cryptography_the_module_signs_with_openssl(acme, app, key_file, play, monkeypatch):
    def missing(_text, _where):
        raise signing.MissingLibraryError("cryptography")

    # The local GitHub itself needs the library.
    monkeypatch.setattr(edge, "cryptography_signer", missing)
    assert play("github_runners_info", app={"client_id": CLIENT_ID, "key_file": str(key_file)})["runners"] == []
