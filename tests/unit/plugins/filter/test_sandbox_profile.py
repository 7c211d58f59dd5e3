# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sandbox_profile, and the three filters on sandbox profiles as Ansible's templates call them."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.filter.sandbox_profile import FilterModule

sandbox_profile = FilterModule().filters()["sandbox_profile"]
ROOT = pathlib.Path(__file__).resolve().parents[4]
HOME = "/Users/mac-runners-lint-1"
POLICY = {"name": "lint-1", "home": HOME, "presets": ["node"], "work": [HOME + "/work"]}


def test_each_rule_names_the_line_that_made_it():
    text = sandbox_profile({**POLICY, "read": ["/opt/cache"]})
    assert text.isascii() and text.startswith("; Sandbox profile of lint-1.") and "\n(version 1)\n" in text
    assert '; read\n(allow file-read* file-read-data file-read-metadata file-clone\n  (subpath "/opt/cache"))\n' in text
    assert "; part node: Node.js and npm\n" in text


def test_the_input_stays_as_it_is():
    policy = json.loads(json.dumps(POLICY))
    assert sandbox_profile(policy) == sandbox_profile(policy)
    assert policy == POLICY


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({**POLICY, "read": ["opt"]}, 'sandbox_profile: sandbox policy lint-1: field read[0]: got "opt"; allowed: an absolute path'),
        ({**POLICY, "write": ["/tmp/x"]}, 'field write[0]: got "/tmp/x"; allowed: /private/tmp/x, since /tmp is a link'),
        ({**POLICY, "read": ['/a") (allow default) (literal "/b']}, "allowed: a path of printable ASCII characters, without quotes and line ends"),
        ({**POLICY, "presets": ["nod"]}, "allowed: one of build, xcode, node, strict; did you mean node?"),
        ({**POLICY, "write": ["/Users"]}, f"allowed: no writable parent of {HOME}/.ssh, which is protected"),
        ({"home": HOME}, "field name: got nothing; allowed: a name of lower-case letters"),
        ("text", 'field itself: got "text"; allowed: a mapping of fields'),
        (None, "field itself: got nothing; allowed: a mapping of fields"),
    ],
)
def test_mistakes_are_named(policy, message):
    with pytest.raises(AnsibleFilterError) as caught:
        sandbox_profile(policy)
    assert message in str(caught.value)


def test_all_mistakes_come_out_together():
    with pytest.raises(AnsibleFilterError) as caught:
        sandbox_profile({**POLICY, "read": ["opt"], "network": "some", "ports": "80-90"})
    assert all(f"field {field}: got " in str(caught.value) for field in ("read[0]", "network", "ports"))


def test_the_policy_in_the_docs_is_one():
    (block,) = re.findall(r"```yaml\n(policy:.*?)```", (ROOT / "docs" / "sandbox-profiles.md").read_text(), re.DOTALL)
    assert '(remote ip "*:443")' in sandbox_profile(yaml.safe_load(block)["policy"])


# --- through templates ------------------------------------------------------------------------

#: Name -> expression; texts of the variables are templates, as in an inventory.
EXPRESSIONS = {
    "clean": "{{ policy | PREFIXsandbox_profile | PREFIXsandbox_lint }}",
    "own": "{{ (policy | PREFIXsandbox_profile | PREFIXsandbox_decision('file-write-data', home ~ '/work/x')).verdict }}",
    "other": "{{ (policy | PREFIXsandbox_profile | PREFIXsandbox_decision('file-read-data', '/Users/mac-runners-lint-2/x')).verdict }}",
    "param": "{{ (source | PREFIXsandbox_decision('file-read-data', '/opt/x/y', params={'DIR': '/opt' ~ '/x'})).verdict }}",
    "wrong": "{{ {'name': 'a', 'home': home, 'read': ['opt']} | PREFIXsandbox_profile }}",
    "undefined": "{{ {'name': 'a', 'home': nope} | PREFIXsandbox_profile }}",
    "no text": "{{ 5 | PREFIXsandbox_lint }}",
}
VARIABLES = {
    "home": HOME,
    "policy": {"name": "lint-1", "home": "{{ home }}", "presets": ["build"], "work": ["{{ home }}/work"], "others": ["/Users/mac-runners-lint-2"]},
    "source": '(version 1)\n(deny default)\n(if (param "DIR") (allow file-read* (subpath (param "DIR"))))\n',
}


@pytest.fixture(scope="module")
def answers():
    """Every expression, evaluated by one process with Ansible's own loader of collections."""
    expressions = [text.replace("PREFIX", "action_packer.mac_runners.") for text in EXPRESSIONS.values()]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections")}
    command = [sys.executable, str(pathlib.Path(__file__).with_name("evaluate.py"))]
    given = json.dumps({"variables": VARIABLES, "expressions": expressions})
    run = subprocess.run(command, input=given, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return dict(zip(EXPRESSIONS, json.loads(run.stdout), strict=True))


@pytest.mark.parametrize(("name", "value"), [("clean", []), ("own", "allow"), ("other", "deny"), ("param", "allow")])
def test_templates(answers, name, value):
    assert answers[name] == {"value": value}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wrong", 'sandbox_profile: sandbox policy a: field read[0]: got "opt"; allowed: an absolute path'),
        ("undefined", "'nope' is undefined"),
        ("no text", "sandbox_lint: got a profile of type int; allowed: the text of a profile"),
    ],
)
def test_mistakes_of_templates(answers, name, message):
    assert message in answers[name]["error"]
