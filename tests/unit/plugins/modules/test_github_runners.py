# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules of GitHub at their edge: credentials that are asked for, hidden, and told apart."""

from __future__ import annotations

import inspect
import json

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args

from ansible_collections.action_packer.mac_runners.plugins.modules import github_runners, github_runners_info

TOKEN = "ghr_0123456789abcdefghijklmnopqrstuvwxyz"
SWEEP = {"url": "https://github.com/acme", "fleet": "acme", "name_prefixes": ["mac-1-"]}
# Newer cores show the arguments only when they are asked to; older ones refuse to be asked.
SHOW = {"_ansible_inject_invocation": True} if "_ansible_inject_invocation" in inspect.getsource(basic) else {}


@pytest.fixture
def play(capsys):
    """Runs a module and returns its result, with the arguments that Ansible shows."""

    def run(module, **options):
        with patch_module_args({**SHOW, **options}), pytest.raises(SystemExit):
            module.main()
        return json.loads(capsys.readouterr().out)

    return run


CREDENTIALS = [
    ({}, "one of the following is required: token, app"),
    ({"token": TOKEN, "app": {"client_id": "x", "key": "aaaaaaaa"}}, "parameters are mutually exclusive: token|app"),
    ({"app": {"client_id": "x"}}, "one of the following is required: key, key_file"),
    ({"app": {"client_id": "x", "key": "aaaaaaaa", "key_file": "/b"}}, "parameters are mutually exclusive: key|key_file"),
    ({"app": {"key": "aaaaaaaa"}}, "missing required arguments: client_id"),
    ({"app": {"client_id": "x", "key_file": "/no/such/key"}}, "app.key_file: /no/such/key cannot be read: No such file or directory"),
    ({"token": TOKEN}, "https://github.com/acme: token: this is a refresh token, with which nothing can be asked"),
]


@pytest.mark.parametrize(("options", "message"), CREDENTIALS)
@pytest.mark.parametrize("module", [github_runners, github_runners_info])
def test_credentials_are_checked_before_anything_is_sent(play, module, options, message):
    result = play(module, **(SWEEP if module is github_runners else {"url": SWEEP["url"]}), **options)
    assert result["failed"] and message in result["msg"]


@pytest.mark.parametrize("secret", [{"token": TOKEN}, {"app": {"client_id": "x", "key": "-----BEGIN PRIVATE KEY-----\nhunter22\n"}}])
def test_secrets_are_not_among_the_arguments_that_are_shown(play, secret):
    result = play(github_runners, **SWEEP, **secret, grace=1)
    text = json.dumps(result)
    assert result["failed"] and "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in text and "hunter22" not in text and TOKEN not in text


@pytest.mark.parametrize("path", ["token", "/run/registration-token"])
def test_the_path_of_a_token_is_no_secret(play, path):
    result = play(github_runners, **SWEEP, token=TOKEN, registration_token_file=path)
    assert result["invocation"]["module_args"]["registration_token_file"] == path
