# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client against the local GitHub: targets, pages, limits, faults, lost answers."""

from __future__ import annotations

import time

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github import errors
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github import runners as api
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.jit import jit_config

LABEL = "managed-by:acme"
PLACES = [("/acme", "/orgs/acme"), ("/acme/app", "/repos/acme/app"), ("/enterprises/corp", "/enterprises/corp")]


@pytest.mark.parametrize(("url", "path"), PLACES)
def test_everything_works_on_each_kind_of_target(github, client, url, path):
    scope, asking = github.world.scope(path), client(url)
    runner = scope.add("mac-1-a-1", [LABEL]).connect()
    (found,) = api.list_runners(asking)
    assert (found.name, found.online, found.busy, found.labels, found.version) == ("mac-1-a-1", True, False, (LABEL,), "2.337.0")
    assert api.find_runner(asking, "MAC-1-a-1") == found and api.find_runner(asking, "mac-1-a") is None
    api.set_labels(asking, found, ["x", LABEL])
    assert [name for name, kind in runner.labels if kind == "custom"] == ["x", LABEL]
    token, _end = api.registration_token(asking)
    assert scope.registration_tokens == [token.reveal()]
    jit = jit_config(asking, "mac-1-a-2-00000001", ["self-hosted", "macOS"], LABEL)
    assert jit.runner.labels == ("self-hosted", "macOS", LABEL) and not jit.runner.online and jit.runner.version is None
    assert api.delete_runner(asking, found) == "removed" and api.delete_runner(asking, found) == "gone"
    assert list(scope.runners) == [jit.runner.id]


@pytest.mark.parametrize(("url", "path"), [PLACES[0], PLACES[2]])
def test_groups(github, client, url, path):
    scope, asking = github.world.scope(path), client(url)
    macs = scope.add_group("macs", public=True, visibility="selected")
    runner = scope.add("mac-1-a-1")
    assert [(group.name, group.id, group.public, group.default) for group in api.list_groups(asking)] == [
        ("Default", 1, False, True),
        ("macs", macs.id, True, False),
    ]
    api.set_group(asking, api.list_runners(asking)[0], macs.id)
    assert runner.group == macs.id


def test_a_repository_has_no_groups_and_is_not_asked_for_them(github, client):
    assert api.list_groups(client("/acme/app")) == [] and github.exchanges == []


@pytest.mark.parametrize(("number", "requests"), [(0, 1), (1, 1), (100, 1), (101, 2), (250, 3), (300, 3)])
def test_a_list_takes_one_request_a_hundred(github, acme, client, number, requests):
    names = {acme.add(f"mac-1-a-{n}").name for n in range(number)}
    assert {runner.name for runner in api.list_runners(client())} == names
    assert len(github.exchanges) == requests


def test_one_that_slips_to_a_page_that_was_read_is_found_all_the_same(github, acme, client, monkeypatch):
    for n in range(150):
        acme.add(f"mac-1-a-{n}")
    reads, shown = [], acme.shown

    def one_vanishes():
        """After the first page has been read."""
        reads.append(len(acme.runners))
        listed = shown()
        acme.runners.pop(1 if len(reads) == 1 else 0, None)
        return listed

    monkeypatch.setattr(acme, "shown", one_vanishes)
    found = {runner.name for runner in api.list_runners(client())}
    assert reads == [150, 149, 149, 149] and found >= {runner.name for runner in acme.runners.values()} and len(acme.runners) == 149


def test_a_link_to_another_host_is_never_followed(github, acme, client):
    for n in range(150):
        acme.add(f"mac-1-a-{n}")
    github.fault("foreign-link", times=5)
    assert len(api.list_runners(client())) == 150
    assert [exchange.query for exchange in github.exchanges] == ["per_page=100&page=1", "per_page=100&page=2"]


def test_a_redirect_is_followed_on_the_same_host_only(github, acme, client):
    acme.add("mac-1-a-1")
    github.fault("redirect", status=301, text="/api/v3/orgs/acme/actions/runners?per_page=100&page=1")
    assert len(api.list_runners(client())) == 1
    with_token = client()
    github.fault("redirect", status=307, text="https://evil.example/steal")
    with pytest.raises(errors.ForbiddenError, match="redirected to evil.example; the credential is not sent to another host"):
        api.list_runners(with_token)
    github.fault("redirect", status=301, text="/api/v3/orgs/other/actions/runners/registration-token")
    with pytest.raises(errors.ForbiddenError, match="it has moved, perhaps renamed; give its present name as url"):
        api.registration_token(with_token)
    github.fault("redirect", status=302, times=9, text="/api/v3/orgs/acme/actions/runners?per_page=100&page=1")
    with pytest.raises(errors.ForbiddenError, match="redirected more than 3 times"):
        api.list_runners(with_token)


def test_what_did_not_change_is_not_paid_twice(github, acme, client):
    acme.add("mac-1-a-1")
    asking = client()
    before = api.list_runners(asking)
    used = github.world.used
    assert api.list_runners(asking) == before and github.world.used == used
    assert [exchange.status for exchange in github.exchanges] == [200, 304]
    acme.add("mac-1-a-2")
    assert len(api.list_runners(asking)) == 2


@pytest.mark.parametrize("kind", ["status", "drop", "status-after", "drop-after"])
def test_reading_and_removing_are_tried_again(github, acme, client, clock, kind):
    acme.add("mac-1-a-1")
    github.fault(kind, times=3)
    asking = client()
    (runner,) = api.list_runners(asking)
    assert len(github.exchanges) == 4 and len(clock.slept) == 3 and sum(clock.slept) < 15
    github.fault(kind, method="DELETE")
    assert api.delete_runner(asking, runner) in ("removed", "gone") and acme.runners == {}


def test_after_four_times_a_failure_is_told(github, client):
    github.fault("status", status=503, times=9)
    with pytest.raises(errors.ServerError, match=r"/acme: list the runners: GitHub answered 503 \(Server Error\); this is GitHub's failure"):
        api.list_runners(client())
    assert len(github.exchanges) == 4


@pytest.mark.parametrize("lag", [0.0, 3.0])
@pytest.mark.parametrize("kind", ["status", "drop", "status-after", "drop-after"])
def test_a_registration_whose_answer_is_lost_leaves_nothing_behind(github, acme, client, kind, lag):
    github.world.list_lag = lag
    github.fault(kind, method="POST", path="jitconfig")
    jit = jit_config(client(), "mac-1-a-1-00000001", ["self-hosted"], LABEL)
    assert list(acme.runners) == [jit.runner.id]
    posts = [exchange.status for exchange in github.asked("POST")]
    assert len(posts) <= 3 and posts[-1] == 201 and set(posts[1:-1]) <= {409}
    # Between two attempts the state was read.
    assert [one.method for one in github.exchanges][:2] == ["POST", "GET"]


def test_a_name_that_is_in_use_is_no_leftover(github, acme, client):
    asking = client()
    foreign = acme.add("mac-1-a-1-00000001")
    with pytest.raises(errors.ConflictError, match="another runner that is not ours has this name"):
        jit_config(asking, foreign.name, ["self-hosted"], LABEL)
    used = acme.add("mac-1-a-1-00000002", [LABEL]).connect()
    used.online = False
    with pytest.raises(errors.ConflictError, match="a runner of ours with this name is already in use"):
        jit_config(asking, used.name, ["self-hosted"], LABEL)
    assert set(acme.runners) == {foreign.id, used.id}


def test_a_registration_that_is_always_refused_ends(github, acme, client):
    github.fault("status", method="POST", times=99)
    with pytest.raises(errors.ServerError, match="register the runner mac-1-a-1-00000001"):
        jit_config(client(), "mac-1-a-1-00000001", ["self-hosted"], LABEL)
    assert len(github.asked("POST")) == 3


def test_a_busy_runner_is_not_removed(acme, client):
    acme.add("mac-1-a-1").connect().job = True
    asking = client()
    assert api.delete_runner(asking, api.list_runners(asking)[0]) == "busy" and len(acme.runners) == 1


def test_the_hourly_limit_is_waited_for_by_the_clock_of_github(github, acme, client, clock):
    # This clock is an hour behind; the wait is 20 s all the same.
    github.fault("primary", seconds=20)
    clock.now = lambda: time.time() - 3600
    api.list_runners(client())
    assert [round(seconds) for seconds in clock.slept] in ([20], [21])


def test_retry_after_is_obeyed_also_for_what_may_not_be_repeated(github, acme, client, clock):
    github.fault("secondary", seconds=7, method="POST")
    jit_config(client(), "mac-1-a-1-00000001", ["self-hosted"], LABEL)
    assert clock.slept == [7.0] and [exchange.method for exchange in github.exchanges] == ["POST", "POST"]


def test_a_limit_without_a_time_is_waited_for_longer_each_time(github, acme, client, clock):
    github.fault("secondary", times=2)
    api.list_runners(client())
    assert clock.slept == [60.0, 120.0]


def test_a_limit_beyond_max_wait_is_told_and_not_waited_for(github, acme, client, clock):
    github.fault("primary", seconds=1800)
    with pytest.raises(errors.RateLimitError, match=r"rate limit is reached \(403: API rate limit exceeded.*asks for 180[01] s.*max_wait is 300"):
        api.list_runners(client())
    assert clock.slept == [] and len(github.exchanges) == 1


def test_changes_are_paced(acme, client, clock):
    asking = client()
    found = [api.Runner(n, "x", False, False) for n in range(1000, 1200)]
    start = clock.now()
    for runner in found:
        assert api.delete_runner(asking, runner) == "gone"
    # 200 changes of 5 points at 12.5 points a second, 150 of them at once.
    assert 67 < clock.now() - start < 72


REFUSED = r"list the runners: GitHub answered 401 \(Bad credentials\); the classic token is wrong, expired or revoked"
MESSAGES = [
    ({"revoked": True}, errors.CredentialError, REFUSED),
    ({"expires": 1.0}, errors.CredentialError, REFUSED),
    ({"sso": True}, errors.ForbiddenError, "wants single sign-on: authorise the token for it"),
    ({"grants": {}}, errors.NotFoundError, "either it does not exist .* or the classic token may not see it: it needs the scope admin:org"),
    (
        {"grants": {"/orgs/acme": "none"}, "scopes": "repo"},
        errors.ForbiddenError,
        "the classic token needs the scope admin:org; GitHub wants admin:org; the token has repo",
    ),
]


@pytest.mark.parametrize(("change", "kind", "message"), MESSAGES)
def test_a_credential_that_does_not_do_is_explained(github, acme, client, change, kind, message):
    token = github.world.token()
    vars(token).update(change)
    with pytest.raises(kind, match=message) as caught:
        api.list_runners(client(token=token.text))
    assert token.text not in str(caught.value)


def test_a_token_that_only_reads_reads(github, acme, client):
    token = github.world.token("fine", "github_pat_", None, __orgs__acme="read")
    asking = client(token=token.text)
    assert api.list_runners(asking) == []
    with pytest.raises(errors.ForbiddenError, match="Self-hosted runners: write; GitHub wants organization_self_hosted_runners=write"):
        api.registration_token(asking)


def test_a_credential_that_an_answer_echoes_is_not_repeated(github, acme, client):
    token = github.world.token().text
    github.fault("echo")
    with pytest.raises(errors.ForbiddenError, match="not with Bearer <secret>") as caught:
        api.list_runners(client(token=token))
    assert token not in str(caught.value)


def test_a_clock_that_is_wrong_is_named(github, acme, client, clock):
    token = github.world.token()
    token.revoked = True
    clock.now = lambda: time.time() - 7200
    with pytest.raises(errors.CredentialError, match="this clock is 7(199|20[0-9]) s behind GitHub's: set it right"):
        api.list_runners(client(token=token.text))


def test_a_login_page_in_between_is_recognised(github, acme, client):
    github.fault("page")
    with pytest.raises(errors.BadAnswerError, match=r"the answer is no JSON \(text/html\); is there a proxy or a login page"):
        api.list_runners(client())


def test_a_host_that_is_no_github_is_doubted(github, acme, client):
    github.fault("status", status=404, path="/actions/runners")
    with pytest.raises(errors.NotFoundError, match=r"either it does not exist \(is the url right\?\) or the classic token may not see it"):
        api.list_runners(client())


def test_nobody_there(github, client):
    asking = client("/acme")
    github._server.socket.close()
    with pytest.raises(errors.NoAnswerError, match=r"no answer \(.*[Rr]efused.*\); is there a way from here to GitHub"):
        api.registration_token(asking)
