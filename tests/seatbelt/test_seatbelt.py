# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generated profiles are what the naive model says, a wrong engine is found out, and profiles as projects publish them are understood.

SEATBELT_POLICIES says how many policies are compared, SEATBELT_SEED where they begin.
"""

from __future__ import annotations

import json
import os
import pathlib

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt import (
    decision,
    grants,
    lint,
    matching,
    policy_read,
    printer,
    profile,
    reader,
)

from tests.seatbelt import compare, generator, model

CORPUS = pathlib.Path(__file__).parent / "corpus"
EXPECTED = json.loads((CORPUS / "expected.json").read_text())
POLICIES = int(os.environ.get("SEATBELT_POLICIES", "150"))
SEED = int(os.environ.get("SEATBELT_SEED", "1"))


def test_profiles_and_model_agree_and_slots_do_not_interfere():
    tally = compare.compare(SEED, POLICIES)
    assert not tally.failures, "\n".join(tally.failures[:5])
    assert tally.policies >= POLICIES
    # The generator makes few policies that are wrong.
    assert tally.refused < tally.policies / 10
    # A comparison in which everything is denied compares nothing.
    assert min(tally.verdicts.values()) >= POLICIES


def test_policies_are_their_seed():
    assert generator.mac(7) == generator.mac(7) != generator.mac(8)


def without(name):
    """``others`` or secrets are forgotten where rules are made."""
    honest = grants.grants
    return lambda policy: [grant for grant in honest(policy) if not grant.line.startswith(name)]


def forgotten(operation):
    return tuple(one for one in grants.EVERYTHING if one != operation)


def by_letters(index, question):
    """Takes a prefix for a directory."""
    return any(question.path.startswith(one) for one in index.subpath | index.literal)


def without_case(index, question):
    path = question.path.lower()
    return path in index.folded_literal or any(matching.is_in(path, one) for one in index.folded_subpath)


SABOTAGE = {
    "what belongs to other slots is not denied": (compare.render, "grants", without("others")),
    "secrets are not denied": (compare.render, "grants", without("always: secrets")),
    "sockets of agents are not denied": (compare.render, "grants", without("always: sockets")),
    "a deny names one operation less": (grants, "EVERYTHING", forgotten("file-read-metadata")),
    "mapping is not denied": (grants, "EVERYTHING", forgotten("file-map-executable")),
    "a prefix is taken for a directory": (matching._Index, "holds", by_letters),
    "case is overlooked": (matching._Index, "holds", without_case),
    "the internet is never reached": (grants.Policy, "internet", False),
    "conflicts are not seen": (policy_read, "conflicts", lambda policy: []),
}


@pytest.mark.parametrize("what", SABOTAGE)
def test_a_wrong_engine_is_found_out(what, monkeypatch):
    monkeypatch.setattr(*SABOTAGE[what])
    assert any(compare.compare(seed, 20).failures for seed in range(1, 200, 20))


def loaded(name):
    wanted = EXPECTED[name]
    imports = {one: (CORPUS / one).read_text() for one in wanted.get("imports", [])}
    return profile.load((CORPUS / name).read_text(), wanted.get("params"), imports, name=name)


def test_the_corpus_is_whole():
    imported = {one for wanted in EXPECTED.values() for one in wanted.get("imports", [])}
    assert {path.name for path in CORPUS.glob("*.sb")} == set(EXPECTED) | imported


@pytest.mark.parametrize("name", EXPECTED)
def test_a_published_manner_is_understood(name):
    one = loaded(name)
    assert not one.refused()
    found = lint.lint(one)
    assert sorted({finding.id for finding in found}) == sorted(EXPECTED[name]["findings"])
    assert len([finding for finding in found if finding.id == "not-understood"]) == EXPECTED[name]["not_understood"]
    assert reader.read(printer.write(one.forms)) == list(one.forms)


@pytest.mark.parametrize(("name", "operation", "argument", "verdict"), [(name, *case) for name in EXPECTED for case in EXPECTED[name]["decisions"]])
def test_a_decision_on_the_corpus(name, operation, argument, verdict):
    got = decision.decide(loaded(name), operation, argument)
    assert got.verdict == verdict, (got.why, [decision.shown(rule) for rule in got.rules])
    assert verdict != "unknown" or got.rules


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_printed_decides_the_same(name):
    wanted = EXPECTED[name]
    imports = {one: printer.write(reader.read((CORPUS / one).read_text())) for one in wanted.get("imports", [])}
    again = profile.load(printer.write(loaded(name).forms), wanted.get("params"), imports)
    for operation, argument, verdict in wanted["decisions"]:
        assert decision.decide(again, operation, argument).verdict == verdict


def test_the_model_knows_the_words():
    policy = {"name": "a", "home": "/Users/a", "work": ["/Users/a/work"], "others": ["/Users/b"], "shared": ["/Users/b/pub"]}
    assert model.judge(policy, "file-read-data", "/Users/a/work/x") == "allow"
    assert model.judge(policy, "file-read-data", "/Users/a/WORK/x") == "unknown"
    assert model.judge(policy, "file-read-data", "/Users/b/pub/x") == "allow"
    assert model.judge(policy, "file-write-data", "/Users/b/pub/x") == "deny"
    assert model.judge(policy, "file-read-data", "/Users/a/.ssh/id") == "deny"
    assert model.judge(policy, "network-outbound", "github.com:443") == "deny"
