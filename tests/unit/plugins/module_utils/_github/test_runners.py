# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists that come short of what GitHub says there is: read again, and never taken for runners that are missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fakes import client_of, said  # noqa: E402

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github import runners as api  # noqa: E402
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import BadAnswerError  # noqa: E402


def runner(number):
    return {"id": number, "name": f"mac-1-a-{number}", "os": "macos", "status": "online", "busy": False, "labels": []}


def listed(total, *numbers):
    return said(body={"total_count": total, "runners": [runner(number) for number in numbers]})


def test_a_short_list_is_read_again():
    client = client_of(listed(2, 1), listed(2, 1, 2))
    assert api.list_runners(client)[-1].id == 2
    assert client.exchange.clock.slept == [1.0]


def test_a_list_that_stays_short_is_no_answer():
    client = client_of(*[listed(2, 1)] * 4)
    with pytest.raises(BadAnswerError, match="GitHub says that there are 2, and lists 1 in 4 attempts; try again later"):
        api.list_runners(client)
    assert client.exchange.clock.slept == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "answers, number",
    [
        ([listed(500, 2)], 2),
        ([listed(500)], None),
        ([listed(2, 1), listed(2, 1), listed(2, 1, 2)], 2),
    ],
    ids=["it alone, whatever is counted", "nobody, whatever is counted", "where others are listed, all are asked for"],
)
def test_one_is_found_by_its_name(answers, number):
    client = client_of(*answers)
    found = api.find_runner(client, "mac-1-a-2")
    assert (found and found.id) == number


def test_one_that_vanished_meanwhile_does_not_make_up_for_one_that_was_not_listed():
    pages = [listed(101, *range(1, 101)), listed(100), listed(100, *range(2, 102))]
    found = api.list_runners(client_of(*pages))
    assert {one.id for one in found} >= set(range(2, 102))


def test_one_that_vanished_before_it_was_listed_is_waited_for_once():
    pages = [listed(102, *range(1, 101)), listed(101, 101), listed(101, *range(1, 101)), listed(101, 101)]
    assert len(api.list_runners(client_of(*pages))) == 101


def test_a_server_that_counts_nothing_is_believed():
    answer = said(body={"runners": [runner(1)]})
    assert [one.id for one in api.list_runners(client_of(answer))] == [1]
