# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module github_runners against the local GitHub: what it removes, corrects and mints, and above all what it leaves alone."""

from __future__ import annotations

import json
import os
import pathlib
import random
import stat
import subprocess
import time

import identities
import pytest

LABEL = "managed-by:acme"
GRACE = 3600
PYTHON_OF_A_MAC = pathlib.Path(__file__).resolve().parents[2] / ".venv-py39" / "bin" / "python"


def persistent(name="mac-1-linux-1", **options):
    return {"name": name, "lifecycle": "persistent", **options}


def slot(name="mac-1-ios-1", **options):
    return {"name": name, **options}


def names(scope):
    return sorted(runner.name for runner in scope.runners.values())


def test_an_orphan_goes_after_the_grace_and_not_before(github, acme, play):
    acme.add("mac-1-ios-1-0000abcd", [LABEL])
    first = play("github_runners")
    assert not first["changed"] and first["kept"] == {
        "mac-1-ios-1-0000abcd": "nobody wants it, seen offline for 0 s, the grace is 3600 s"
    }
    github.world.offset += GRACE - 100
    assert not play("github_runners")["changed"] and names(acme) == ["mac-1-ios-1-0000abcd"]
    github.world.offset += 200
    result = play("github_runners", _ansible_diff=True)
    assert result["changed"] and names(acme) == [] and result["runners"] == []
    (step,) = result["steps"]
    assert (step["resource"], step["action"]) == ("mac-1-ios-1-0000abcd", "remove") and step["detail"].startswith("nobody wants it, seen offline for 37")
    assert list(result["diff"]["before"]) == ["mac-1-ios-1-0000abcd"] and result["diff"]["after"] == {}
    assert not play("github_runners")["changed"]


def test_one_that_was_online_in_between_begins_anew(github, acme, play):
    runner = acme.add("mac-1-ios-1-0000abcd", [LABEL])
    play("github_runners")
    github.world.offset += GRACE
    runner.online = True
    play("github_runners")
    runner.online = False
    github.world.offset += 60
    assert not play("github_runners")["changed"] and names(acme) == ["mac-1-ios-1-0000abcd"]


def test_what_is_not_ours_by_name_and_label_is_never_touched(github, acme, play):
    foreign = [
        acme.add("mac-1-ios-1-0000abcd"),
        acme.add("mac-1-ios-2-0000abcd", ["managed-by:other"]),
        acme.add("mac-1-ios-3-0000abcd", ["managed-by:acme2"]),
        acme.add("mac-10-ios-1-0000abcd", [LABEL]),
        acme.add("other-mac-1-ios-1", [LABEL]),
    ]
    wanted = [persistent("mac-1-ios-1-0000abcd", state="absent", idle=True), slot("mac-1-ios-2", state="absent", idle=True)]
    play("github_runners", runners=wanted)
    github.world.offset += 10 * GRACE
    result = play("github_runners", runners=wanted)
    assert not result["changed"] and result["kept"] == {} and result["runners"] == []
    assert names(acme) == sorted(runner.name for runner in foreign)
    assert {exchange.method for exchange in github.exchanges} == {"GET"}


def test_a_label_is_compared_as_github_does(github, acme, play):
    acme.add("MAC-1-ios-1-0000abcd", ["Managed-By:ACME"])
    play("github_runners")
    github.world.offset += GRACE
    assert play("github_runners")["changed"] and names(acme) == []


def test_a_runner_with_a_job_is_never_removed(github, acme, play):
    orphan, absent = acme.add("mac-1-a-1-0000abcd", [LABEL]), acme.add("mac-1-b-1", [LABEL])
    for runner in (orphan, absent):
        runner.connect().job = True
    # busy and offline at the same time happens
    orphan.online = False
    wanted = [persistent("mac-1-b-1", state="absent", idle=True)]
    play("github_runners", runners=wanted)
    github.world.offset += 10 * GRACE
    result = play("github_runners", runners=wanted)
    assert result["kept"] == {"mac-1-a-1-0000abcd": "it runs a job", "mac-1-b-1": "it runs a job"} and len(names(acme)) == 2
    assert github.asked("DELETE") == []


@pytest.mark.parametrize("believes", [False, True])
def test_a_lie_about_a_job_costs_no_job(github, acme, play, believes):
    """GitHub says idle during a job: without the word of its Mac an online runner stays, whatever GitHub would do."""
    github.world.believes_its_lies = believes
    for name in ("mac-1-a-1", "mac-1-b-1-0000abcd"):
        runner = acme.add(name, [LABEL]).connect()
        runner.job = runner.lies_idle = True
    wanted = [persistent("mac-1-a-1", state="absent"), slot("mac-1-b-1", state="absent")]
    play("github_runners", runners=wanted)
    github.world.offset += 10 * GRACE
    result = play("github_runners", runners=wanted)
    assert set(result["kept"].values()) == {"it is online, and nobody says that its Mac is idle"}
    assert len(acme.runners) == 2 and acme.jobs_lost == 0 and github.asked("DELETE") == []


def test_github_has_the_last_word_on_a_job(github, acme, play):
    runner = acme.add("mac-1-a-1", [LABEL]).connect()
    runner.job = runner.lies_idle = True
    result = play("github_runners", runners=[persistent("mac-1-a-1", state="absent", idle=True)])
    assert not result["changed"] and result["steps"] == [] and result["kept"] == {"mac-1-a-1": "GitHub says that it runs a job"}
    assert [one["name"] for one in result["runners"]] == ["mac-1-a-1"] and acme.jobs_lost == 0


def test_absent_removes_what_is_offline_or_idle_on_its_mac(acme, play):
    acme.add("mac-1-a-1", [LABEL]).connect()
    acme.add("mac-1-b-1", [LABEL])
    acme.add("mac-1-c-1-0000abcd", [LABEL])
    acme.add("mac-1-c-1-0000abce", [LABEL]).connect()
    acme.add("mac-1-c-1", [LABEL])
    wanted = [persistent("mac-1-a-1", state="absent", idle=True), persistent("mac-1-b-1", state="absent"), slot("mac-1-c-1", state="absent")]
    result = play("github_runners", runners=wanted)
    assert sorted(step["resource"] for step in result["steps"]) == ["mac-1-a-1", "mac-1-b-1", "mac-1-c-1", "mac-1-c-1-0000abcd"]
    assert names(acme) == ["mac-1-c-1-0000abce"]


def test_a_wanted_persistent_runner_that_is_offline_stays_for_ever(github, acme, play):
    acme.add("mac-1-linux-1", [LABEL])
    play("github_runners", runners=[persistent()])
    github.world.offset += 100 * GRACE
    result = play("github_runners", runners=[persistent()])
    assert not result["changed"] and result["missing"] == [] and names(acme) == ["mac-1-linux-1"]


def test_what_a_wanted_slot_left_behind_goes_and_its_living_runner_stays(github, acme, play):
    acme.add("mac-1-ios-1-00000001", [LABEL])
    living = acme.add("mac-1-ios-1-00000002", [LABEL]).connect()
    # A slot that has just registered and boots is offline too.
    play("github_runners", runners=[slot()])
    github.world.offset += GRACE
    acme.add("mac-1-ios-1-00000003", [LABEL])
    living.job = True
    result = play("github_runners", runners=[slot()])
    assert names(acme) == ["mac-1-ios-1-00000002", "mac-1-ios-1-00000003"]
    assert result["kept"] == {"mac-1-ios-1-00000003": "left behind by its slot, seen offline for 0 s, the grace is 3600 s"}


def test_a_persistent_runner_gets_its_labels_and_its_group(acme, play):
    macs = acme.add_group("Macs")
    runner = acme.add("mac-1-linux-1", [LABEL, "old"]).connect()
    runner.job = True
    wanted = [persistent(labels=["docker", "big"], runner_group="macs")]
    result = play("github_runners", runners=wanted, _ansible_diff=True)
    assert [(step["action"], step["detail"]) for step in result["steps"]] == [
        ("set labels", f"{LABEL}, old -> big, docker, {LABEL}"),
        ("move", "into the group Macs"),
    ]
    assert [name for name, kind in runner.labels if kind == "custom"] == ["docker", "big", LABEL] and runner.group == macs.id
    assert result["diff"]["after"]["mac-1-linux-1"]["labels"] == ["ARM64", "big", "docker", "macOS", LABEL, "self-hosted"]
    assert result["runners"][0]["runner_group_id"] == macs.id
    assert not play("github_runners", runners=[persistent(labels=["BIG", "docker"], runner_group="Macs")])["changed"]


def test_a_check_predicts_what_a_run_does(github, acme, play, tmp_path):
    def world():
        acme.runners.clear()
        acme.add("mac-1-a-1", [LABEL])
        acme.add("mac-1-linux-1", [LABEL, "old"])
        return [persistent("mac-1-a-1", state="absent"), persistent(), persistent("mac-1-new-1")]

    options = {"registration_token_file": str(tmp_path / "token"), "_ansible_diff": True}
    predicted = play("github_runners", runners=world(), _ansible_check_mode=True, **options)
    assert {exchange.method for exchange in github.exchanges} == {"GET"} and len(acme.runners) == 2
    assert not (tmp_path / "token").exists() and not (tmp_path / "offline.json").exists() and "registration_token" not in predicted
    done = play("github_runners", runners=world(), **options)
    for same in ("changed", "steps", "missing", "kept"):
        assert done[same] == predicted[same]
    assert [step["action"] for step in done["steps"]] == ["remove", "set labels", "mint"]
    assert [dict(one, id=0) for one in done["runners"]] == [dict(one, id=0) for one in predicted["runners"]]


def test_one_token_serves_all_that_are_missing_and_is_in_no_result(acme, play, tmp_path):
    file = tmp_path / "token"
    os.symlink("/etc/hostname-of-nobody", file)
    wanted = [persistent(f"mac-1-linux-{n}") for n in range(1, 31)] + [slot()]
    result = play("github_runners", runners=wanted, registration_token_file=str(file))
    assert result["changed"] and len(result["missing"]) == 30 and result["steps"][-1]["detail"] == "a registration token for 30 runners"
    assert acme.registration_tokens == [file.read_text()] and not file.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and result["registration_token"]["file"] == str(file)
    assert play("github_runners", runners=wanted)["changed"] is False and len(acme.registration_tokens) == 1


def test_no_token_when_nothing_is_missing(acme, play, tmp_path):
    acme.add("mac-1-linux-1", [LABEL])
    result = play("github_runners", runners=[persistent(), slot()], registration_token_file=str(tmp_path / "token"))
    assert not result["changed"] and acme.registration_tokens == [] and not (tmp_path / "token").exists()


def test_a_token_that_cannot_be_kept_is_not_asked_for(github, acme, play, tmp_path):
    for file in (tmp_path / "none" / "token", tmp_path):
        result = play("github_runners", runners=[persistent()], registration_token_file=str(file))
        assert result["failed"] and result["msg"].startswith(f"registration_token_file: got {file}; allowed: a file in a directory that exists")
    assert github.exchanges == []


def test_a_foreign_runner_with_a_wanted_name_is_a_failure(acme, play):
    acme.add("mac-1-linux-1")
    acme.add("mac-1-b-1", [LABEL, "old"])
    result = play("github_runners", runners=[persistent(), persistent("mac-1-b-1")])
    assert result["failed"] and "mac-1-linux-1: another runner has this name and is not ours: it lacks the label managed-by:acme" in result["msg"]
    assert list(result["failures"]) == ["mac-1-linux-1"] and result["changed"] and acme.find("mac-1-b-1").labels[-1] == (LABEL, "custom")


def test_a_thousand_slots_cost_ten_lists_and_one_token(github, acme, play, tmp_path):
    wanted, prefixes = [], [f"mac-{mac}-" for mac in range(1, 51)]
    for mac in range(1, 51):
        for number in range(1, 21):
            name = f"mac-{mac}-linux-{number}"
            wanted.append(persistent(name) if number <= 10 else slot(name))
            if number > 1:
                acme.add(name if number <= 10 else f"{name}-00000001", [LABEL]).connect()
    for number in range(50):
        acme.add(f"foreign-{number}")
    result = play("github_runners", runners=wanted, name_prefixes=prefixes, registration_token_file=str(tmp_path / "token"))
    assert len(result["missing"]) == 50 and len(result["runners"]) == 950
    assert len(github.asked("GET", "/actions/runners")) == 10 and len(github.exchanges) == 11 and len(acme.registration_tokens) == 1
    assert result["quota"]["requests"] == 11 and result["quota"]["remaining"] == 4989


@pytest.mark.parametrize("fault", ["status", "drop", "status-after", "drop-after"])
def test_a_failure_on_the_way_ends_in_the_wanted_state(github, acme, play, fault):
    for n in range(1, 4):
        acme.add(f"mac-1-a-{n}", [LABEL])
    github.fault(fault, method="DELETE", times=2)
    result = play("github_runners", runners=[persistent(f"mac-1-a-{n}", state="absent") for n in range(1, 4)])
    assert not result.get("failed") and acme.runners == {}
    # Whether the first answer was lost before or after it was done is not known, so only what GitHub told counts as done here.
    assert result["changed"] and len(result["steps"]) == (2 if fault.endswith("after") else 3)


def test_when_the_credential_ends_in_the_middle_the_rest_is_not_tried(github, acme, play):
    for n in range(1, 6):
        acme.add(f"mac-1-a-{n}", [LABEL])
    github.fault("status", status=401, method="DELETE", times=9)
    result = play("github_runners", runners=[persistent(f"mac-1-a-{n}", state="absent") for n in range(1, 6)])
    assert result["failed"] and not result["changed"] and list(result["failures"]) == ["mac-1-a-1"] and len(github.asked("DELETE")) == 1
    assert "4 more changes were not tried" in str(result["warnings"])


def test_when_little_quota_is_left_orphans_wait_and_wishes_do_not(github, acme, play):
    acme.add("mac-1-a-1-0000abcd", [LABEL])
    acme.add("mac-1-b-1", [LABEL])
    play("github_runners")
    github.world.offset += GRACE
    github.world.used = 4600
    result = play("github_runners", runners=[persistent("mac-1-b-1", state="absent")])
    assert names(acme) == ["mac-1-a-1-0000abcd"] and "less than a tenth of GitHub's hourly quota is left" in result["kept"]["mac-1-a-1-0000abcd"]


def test_a_damaged_memory_only_begins_anew(github, acme, play, tmp_path):
    acme.add("mac-1-a-1-0000abcd", [LABEL])
    play("github_runners")
    (tmp_path / "offline.json").write_text('{"schema": 1, "offline": ')
    github.world.offset += GRACE
    result = play("github_runners")
    assert not result["changed"] and "is damaged or of another release; the grace of all runners begins anew" in str(result["warnings"])
    github.world.offset += GRACE
    assert play("github_runners")["changed"]


def test_a_clock_that_jumps_here_does_not_end_a_grace(acme, play, clock):
    acme.add("mac-1-a-1-0000abcd", [LABEL])
    play("github_runners")
    right = clock.now
    clock.now = lambda: right() + 100 * GRACE
    assert not play("github_runners")["changed"] and len(acme.runners) == 1


def test_targets_do_not_share_a_memory(github, acme, play):
    other = github.world.scope("/repos/acme/app")
    acme.add("mac-1-a-1-0000abcd", [LABEL])
    play("github_runners")
    github.world.offset += GRACE
    other.add("mac-1-a-1-0000abcd", [LABEL]).id = 1
    other.runners = {1: next(iter(other.runners.values()))}
    assert not play("github_runners", url=github.url + "/acme/app.git/")["changed"] and len(other.runners) == 1
    assert play("github_runners")["changed"]


GROUPS = [
    ({"runner_group": "nothing"}, 'runner_group: there is no group "nothing"; there are: Default, open'),
    ({"runner_group": "open"}, 'public repositories may use the group "open", so anybody\'s code could run on mac-1-linux-1, whose trust is internal'),
    ({"runner_group": "open", "trust": "trusted"}, "whose trust is trusted"),
]


@pytest.mark.parametrize(("options", "message"), GROUPS)
def test_a_group_that_does_not_do_is_refused_before_anything_is_done(github, acme, play, options, message):
    acme.add_group("open", public=True)
    acme.add("mac-1-linux-1", [LABEL, "old"])
    result = play("github_runners", runners=[persistent(**options)])
    assert result["failed"] and message in result["msg"] and {exchange.method for exchange in github.exchanges} == {"GET"}
    assert not play("github_runners", runners=[persistent(runner_group="open", trust="untrusted", labels=["old"])]).get("failed")


KEY = identities.pem(identities.rsa_key())
WRONG = [
    ({"url": "https://api.github.com/orgs/acme"}, "the address of the API; write https://github.com/"),
    ({"url": "https://me:hunter22@github.com/acme"}, "with a user or a password in it; give the credential as token or app"),
    ({"token": "ghr_abcdefabcdef"}, "token: this is a refresh token"),
    ({"token": "AABF3JGZDX3P5PMEXLND6TS6FCWO6"}, "token: this looks like a registration token"),
    ({"url": "https://github.com/enterprises/corp", "token": "github_pat_abcdefabcdef"}, "a fine-grained token cannot manage the runners of an enterprise"),
    ({"url": "https://github.com/enterprises/corp", "app": {"client_id": "Iv23liTEST", "key": KEY}}, "no permission by which an App could manage"),
    ({"url": "https://github.com/acme.git"}, 'in which "acme.git" cannot be the name of the organisation'),
    ({"url": "https://gist.github.com/acme"}, "a host without repositories"),
    ({"grace": 60}, "grace: got 60; allowed: at least 300 seconds"),
    ({"name_prefixes": ["m"]}, 'name_prefixes: got "m"; allowed: 3 to 64 of'),
    ({"fleet": " "}, 'fleet: got " "; allowed: a text that is not empty'),
    ({"fleet": "acme\nother"}, r'fleet: got "acme\nother"; allowed: a text that is not empty'),
    ({"fleet": None}, 'fleet: got ""; allowed: a text that is not empty'),
    ({"url": None}, 'url: got ""; allowed: https://github.com/ORGANISATION'),
    ({"url": "https://github.com/ac\nme"}, r'url: got "https://github.com/ac\nme" with a line break or another control character'),
    ({"token": None}, "token: got nothing, and no app; allowed: one of both"),
    ({"token": ""}, "token: it is empty"),
    ({"app": {"client_id": None, "key": KEY}}, 'app.client_id: got ""; allowed: the client id of the App'),
    ({"app": {"client_id": "Iv23liTEST", "key": None}}, "app.key: got nothing, and no app.key_file; allowed: one of both"),
    ({"app": {"client_id": "Iv23liTEST", "key": KEY, "installation_id": -1}}, "app.installation_id: got -1; allowed: a whole number from 1"),
    ({"timeout": 0}, "timeout: got 0; allowed: 1 to 86400 seconds"),
    ({"runners": [{"name": "x-1"}]}, 'runner x-1: field name: got "x-1"; allowed: a name that begins with one of name_prefixes: mac-1-'),
    ({"runners": [slot("mac-1-" + "x" * 50)]}, "at most 55 characters for an ephemeral slot"),
    ({"runners": [slot(), slot("MAC-1-ios-1")]}, "runner mac-1-ios-1: field name: got it more than once"),
    ({"runners": [slot(state="gone")]}, 'runner mac-1-ios-1: field state: got "gone"; allowed: one of present, absent'),
    ({"runners": [persistent(labels=["x" * 257])]}, "field labels[0]: got"),
    ({"runners": [persistent(labels=["macOS"])]}, "allowed: none that the runner brings itself"),
    ({"runners": [persistent(labels=["Managed-By:other"])]}, 'field labels[0]: got "Managed-By:other"; allowed: none that begins with managed-by:'),
    ({"runners": [persistent(labels="a,b")]}, 'field labels: got "a,b"; allowed: a list'),
    ({"runners": [persistent(labels=[f"l{n}" for n in range(100)])]}, "at most 99, since the label of the fleet is added"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_wrong_input_is_one_clear_error_and_nothing_is_sent(github, play, options, message):
    result = play("github_runners", **options)
    assert result["failed"] and message in result["msg"] and "hunter22" not in result["msg"]
    assert github.exchanges == []


def test_a_repository_takes_no_group(github, play):
    result = play("github_runners", url=github.url + "/acme/app", runners=[persistent(runner_group="macs")])
    assert result["failed"] and 'runner_group: got "macs"; allowed: nothing or Default: the runners of a repository have no groups' in result["msg"]


_DRIVER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible.module_utils.testing import patch_module_args
from ansible_collections.action_packer.mac_runners.plugins.modules import github_runners
with patch_module_args(json.load(sys.stdin)):
    github_runners.main()
"""


def test_it_runs_on_the_python_of_a_mac(github, acme, tmp_path):
    acme.add("mac-1-a-1", [LABEL])
    options = {
        "url": github.url + "/acme",
        "token": github.world.token().text,
        "fleet": "acme",
        "name_prefixes": ["mac-1-"],
        "offline_file": str(tmp_path / "memory" / "offline.json"),
        "runners": [persistent("mac-1-a-1", state="absent"), persistent()],
        "registration_token_file": str(tmp_path / "token"),
    }
    collections = pathlib.Path(__file__).resolve().parents[2] / ".ansible" / "collections"
    argv = [str(PYTHON_OF_A_MAC), "-c", _DRIVER, str(collections)]
    done = subprocess.run(argv, input=json.dumps(options), capture_output=True, text=True, check=False, timeout=60)
    result = json.loads(done.stdout)
    assert result["changed"] and result["missing"] == ["mac-1-linux-1"] and acme.runners == {}
    assert (tmp_path / "token").read_text() == acme.registration_tokens[0]


@pytest.mark.parametrize("seed", range(20))
def test_sweeps_at_random_moments_lose_no_job_and_leave_no_orphan(github, acme, play, seed):
    """Runners come, work, vanish and are lied about, GitHub fails; after a settling time only what is wanted or foreign is left."""
    dice = random.Random(seed)
    github.world.believes_its_lies = True
    foreign = [acme.add(f"foreign-{n}", [LABEL]) for n in range(3)] + [acme.add(f"mac-1-x-{n}") for n in range(3)]
    wanted = [slot("mac-1-a-1"), slot("mac-1-a-2"), persistent("mac-1-p-1")]
    acme.add("mac-1-p-1", [LABEL])
    for number in range(12):
        _something_happens(dice, acme, number)
        if dice.random() < 0.4:
            kind = dice.choice(["status", "drop", "status-after", "drop-after", "secondary", "foreign-link"])
            github.fault(kind, times=dice.randint(1, 2))
        play("github_runners", runners=wanted, grace=900)
        github.faults.clear()
        github.world.offset += dice.choice([10, 300, 1000])
    for runner in list(acme.runners.values()):
        runner.job = False
        runner.online = False
    for _settling in range(3):
        play("github_runners", runners=wanted, grace=900)
        github.world.offset += 1000
    assert acme.jobs_lost == 0
    assert names(acme) == sorted([runner.name for runner in foreign] + ["mac-1-p-1"])


def _something_happens(dice, acme, number):
    ours = [runner for runner in acme.runners.values() if runner.ephemeral]
    for runner in ours:
        change = dice.choice(["", "", "job", "end", "lie", "vanish"])
        if change == "job" and runner.online:
            runner.job = True
        elif change == "lie" and runner.job:
            runner.lies_idle = True
        elif change == "vanish" and not runner.job:
            runner.online = False
        elif change == "end" and runner.job:
            del acme.runners[runner.id]
    name = f"mac-1-{dice.choice(['a', 'gone'])}-{dice.randint(1, 2)}-{number:08x}"
    made = acme.add(name, [LABEL], ephemeral=True)
    if dice.random() < 0.7:
        made.connect()


def test_a_sweep_of_a_thousand_is_quick(acme, play):
    for number in range(1000):
        acme.add(f"mac-1-a-{number}", [LABEL]).connect()
    wanted = [persistent(f"mac-1-a-{number}") for number in range(1000)]
    started = time.monotonic()
    assert not play("github_runners", runners=wanted)["changed"]
    assert time.monotonic() - started < 10


def test_one_that_its_mac_has_otherwise_registers_again(acme, play, tmp_path):
    runner = acme.add("mac-1-linux-1", [LABEL, "docker"], online=True)
    tokens = {"registration_token_file": str(tmp_path / "token")}
    same = persistent(labels=["docker"], id=runner.id)
    assert play("github_runners", runners=[same], **tokens)["missing"] == []
    for number in (0, runner.id + 1):
        assert play("github_runners", runners=[{**same, "id": number}], **tokens)["missing"] == ["mac-1-linux-1"]
    assert len(acme.registration_tokens) == 2
    runner.job = True
    assert play("github_runners", runners=[{**same, "id": 0}], **tokens)["missing"] == []


def test_one_that_cannot_register_now_needs_no_token(acme, play, tmp_path):
    token = tmp_path / "token"
    done = play("github_runners", runners=[persistent(registers=False)], registration_token_file=str(token))
    assert (done["missing"], done["changed"], token.exists(), acme.registration_tokens) == ([], False, False, [])
