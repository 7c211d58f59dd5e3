# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of targets: read, normalised, or refused with a clear message and without a secret."""

from __future__ import annotations

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import InputError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.message import same_origin
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import parse_target

GOOD = [
    ("https://github.com/acme", "organisation", "https://api.github.com/orgs/acme", "https://github.com/acme"),
    ("https://github.com/acme/", "organisation", "https://api.github.com/orgs/acme", "https://github.com/acme"),
    ("https://www.github.com/Acme", "organisation", "https://api.github.com/orgs/Acme", "https://github.com/Acme"),
    (" https://GitHub.com/acme/app ", "repository", "https://api.github.com/repos/acme/app", "https://github.com/acme/app"),
    ("https://github.com/acme/app.git", "repository", "https://api.github.com/repos/acme/app", "https://github.com/acme/app"),
    ("https://github.com/acme/app.git/", "repository", "https://api.github.com/repos/acme/app", "https://github.com/acme/app"),
    ("https://github.com:443/acme/a.b_c-d", "repository", "https://api.github.com/repos/acme/a.b_c-d", "https://github.com/acme/a.b_c-d"),
    ("https://github.com/enterprises/corp", "enterprise", "https://api.github.com/enterprises/corp", "https://github.com/enterprises/corp"),
    ("https://acme.ghe.com/acme", "organisation", "https://api.acme.ghe.com/orgs/acme", "https://acme.ghe.com/acme"),
    ("https://git.acme.test/acme/app", "repository", "https://git.acme.test/api/v3/repos/acme/app", "https://git.acme.test/acme/app"),
    ("https://git.acme.test:8443/acme", "organisation", "https://git.acme.test:8443/api/v3/orgs/acme", "https://git.acme.test:8443/acme"),
    ("http://127.0.0.1:4000/acme", "organisation", "http://127.0.0.1:4000/api/v3/orgs/acme", "http://127.0.0.1:4000/acme"),
    ("http://[::1]:4000/acme", "organisation", "http://[::1]:4000/api/v3/orgs/acme", "http://[::1]:4000/acme"),
]
WRONG = [
    (None, "url: got nothing; allowed: https://github.com/ORGANISATION"),
    ("", 'url: got ""'),
    (7, "url: got 7"),
    ("acme", "allowed: https://github.com/ORGANISATION"),
    ("acme/app", "allowed: https://github.com/ORGANISATION"),
    ("git@github.com:acme/app.git", "allowed: https://github.com/ORGANISATION"),
    ("ssh://github.com/acme/app", "allowed: https://github.com/ORGANISATION"),
    ("https://", "allowed: https://github.com/ORGANISATION"),
    ("https://github.com", "allowed: https://github.com/ORGANISATION"),
    ("https://github.com/", "allowed: https://github.com/ORGANISATION"),
    ("https://github.com/acme/app/settings", "allowed: https://github.com/ORGANISATION"),
    ("https://github.com/enterprises", "allowed: https://github.com/ORGANISATION"),
    ("https://github.com/enterprises/corp/settings", "allowed: https://github.com/ORGANISATION"),
    ("https://github.com/orgs/acme", "did you mean the organisation itself, .../acme?"),
    ("https://github.com/organizations/acme/settings/actions", "did you mean the organisation itself, .../acme?"),
    ("https://github.com/settings/tokens", "a page of GitHub and no target"),
    ("https://api.github.com/orgs/acme", "the address of the API; write https://github.com/"),
    ("https://api.acme.ghe.com/acme", "the address of the API; write https://acme.ghe.com/"),
    ("https://gist.github.com/acme", "a host without repositories"),
    ("https://raw.github.com/acme", "a host without repositories"),
    ("https://ghe.com/acme", "a host without repositories"),
    ("http://github.com/acme", "allowed: https, since over http everybody on the way can read the credential"),
    ("http://git.acme.test/acme", "allowed: https, since over http everybody on the way can read the credential"),
    ("https://github.com:8443/acme", "allowed: https without a port for github.com"),
    ("https://github.com:x/acme", "it is no address"),
    ("https://github.com:99999/acme", "it is no address"),
    ("https://github.com/acme?x=1", "with a query or a fragment"),
    ("https://github.com/acme#x", "with a query or a fragment"),
    ("https://github.com/acme\n", r'url: got "https://github.com/acme\n" with a line break or another control character'),
    ("https://github.com/ac\nme", r'url: got "https://github.com/ac\nme" with a line break or another control character'),
    ("https://github.com/acme\t", "with a line break or another control character"),
    ("https://github.com/ac me", '"ac me" cannot be the name of the organisation'),
    ("https://github.com/acme.git", '"acme.git" cannot be the name of the organisation'),
    ("https://github.com/-acme", '"-acme" cannot be the name of the organisation'),
    ("https://github.com/acme/..", '".." cannot be the name of the repository'),
    ("https://github.com/acme/.git", '"" cannot be the name of the repository'),
    ("https://github.com/acme/%2e%2e", '".." cannot be the name of the repository'),
    ("https://github.com/acme/a%2fb", '"a/b" cannot be the name of the repository'),
    ("https://github.com/enterprises/a b", '"a b" cannot be the name of the enterprise'),
]


@pytest.mark.parametrize(("url", "kind", "api", "normal"), GOOD)
def test_good_addresses(url, kind, api, normal):
    target = parse_target(url)
    assert (target.kind, target.api + target.path, target.url) == (kind, api, normal)
    assert parse_target(target.url) == target


@pytest.mark.parametrize(("url", "message"), WRONG)
def test_wrong_addresses(url, message):
    with pytest.raises(InputError) as caught:
        parse_target(url)
    assert str(caught.value).startswith("url: ") and message in str(caught.value)


SECRETS = [
    "https://me:hunter22@github.com/acme",
    "https://hunter22@github.com/acme",
    "ftp://hunter22@github.com",
    "https://hunter22@",
    "https://hunter22@github.com/a\nb",
]


@pytest.mark.parametrize("url", SECRETS)
def test_a_secret_in_an_address_is_not_repeated(url):
    with pytest.raises(InputError) as caught:
        parse_target(url)
    assert "hunter22" not in str(caught.value)


def test_spellings_of_a_target_have_one_key():
    keys = {parse_target(url).key for url in ("https://github.com/Acme/App", "https://www.github.com/acme/app.git", "https://github.com/acme/app/")}
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.test/x", "https://a.test:443/y", True),
        ("https://A.test/x", "https://a.test/y", True),
        ("https://a.test", "http://a.test", False),
        ("https://a.test", "https://a.test:8443", False),
        ("https://a.test", "https://a.test.evil", False),
        ("https://a.test", "https://a.test@evil.test", False),
        ("https://a.test", "https://a.test:x", False),
        ("https://a.test", "//a.test", False),
    ],
)
def test_same_origin(one, other, same):
    assert same_origin(one, other) is same
