# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens by their kind, rights in words, and secrets that do not show themselves."""

from __future__ import annotations

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.credentials import (
    Secret,
    app_permissions,
    needed_right,
    read_token,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import CredentialError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.message import Request, Response
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import parse_target

ORGANISATION, REPOSITORY = parse_target("https://github.com/acme"), parse_target("https://github.com/acme/app")
ENTERPRISE = parse_target("https://github.com/enterprises/corp")

KINDS = [
    ("ghp_abc", "classic token"),
    ("github_pat_abc", "fine-grained token"),
    ("gho_abc", "OAuth token"),
    ("ghu_abc", "App user token"),
    ("ghs_1234_eyJhbGciOi.long", "App installation token"),
    ("0123456789abcdef0123456789abcdef01234567", "token"),
]
WRONG = [
    ("", "token: it is empty"),
    (" \n", "token: it is empty"),
    ("-----BEGIN RSA PRIVATE KEY-----\nabc", "token: this is a private key; give it as app.key or app.key_file"),
    ("ghp_a b", "blanks, line breaks or other characters that no token has"),
    ("ghp_a\nb", "blanks, line breaks or other characters that no token has"),
    ("ghp_\u00e9", "blanks, line breaks or other characters that no token has"),
    ("AABF3JGZDX3P5PMEXLND6TS6FCWO6", "looks like a registration token"),
    ("ghr_abc", "this is a refresh token"),
]


@pytest.mark.parametrize(("text", "kind"), KINDS)
def test_kinds(text, kind):
    authority = read_token(text + "\n", ORGANISATION)
    assert (authority.kind, authority.token().reveal(), authority.renew()) == (kind, text, False)


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_what_is_no_token(text, message):
    with pytest.raises(CredentialError) as caught:
        read_token(text, ORGANISATION)
    assert message in str(caught.value) and not (text.strip() and text.strip() in str(caught.value))


@pytest.mark.parametrize("text", ["github_pat_abc", "ghu_abc", "ghs_abc"])
def test_an_enterprise_takes_classic_tokens_only(text):
    with pytest.raises(CredentialError, match="cannot manage the runners of an enterprise; give a classic token with the scope manage_runners:enterprise"):
        read_token(text, ENTERPRISE)
    assert read_token("ghp_abc", ENTERPRISE).kind == "classic token"


RIGHTS = [
    (ORGANISATION, "classic token", "the scope admin:org"),
    (REPOSITORY, "OAuth token", "the scope repo"),
    (ENTERPRISE, "token", "the scope manage_runners:enterprise"),
    (REPOSITORY, "fine-grained token", "the repository permission Administration: write"),
    (ORGANISATION, "fine-grained token", "the organisation permission Self-hosted runners: write"),
    (ORGANISATION, "GitHub App", "the permission organization_self_hosted_runners: write"),
    (REPOSITORY, "App installation token", "the permission administration: write"),
]


@pytest.mark.parametrize(("target", "kind", "words"), RIGHTS)
def test_needed_rights(target, kind, words):
    assert needed_right(target, kind, "write") == words


def test_a_token_of_no_known_kind_hears_of_all():
    words = needed_right(ORGANISATION, "token", "read")
    assert all(part in words for part in ("admin:org (classic token)", "Self-hosted runners: read (fine-grained)", "runners: read (App)"))


def test_an_app_asks_for_one_permission():
    assert app_permissions(REPOSITORY, "read") == {"administration": "read"}
    assert app_permissions(ORGANISATION, "write") == {"organization_self_hosted_runners": "write"}


def test_secrets_do_not_show_themselves():
    secret = Secret("hunter22")
    request = Request("GET", "https://github.com", {"Authorization": "hunter22"}, b"hunter22")
    response = Response(200, {"x": "hunter22"}, b"hunter22")
    shown = [f"{secret} {secret!r} {[secret]} {request} {request!r} {response!r}", str(vars(read_token("hunter22", ORGANISATION)))]
    assert secret.reveal() == "hunter22" and not any("hunter22" in text for text in shown)
