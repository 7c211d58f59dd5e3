# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What GitHub answers about versions of the runner, and answers that cannot be read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fakes import client_of, said  # noqa: E402

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github import errors  # noqa: E402
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.versions import judge_versions, list_downloads  # noqa: E402


def test_the_clock_of_github_counts():
    client = client_of(said(body={"runner_version": "2.337.0", "runtime_deprecates_at": "2026-12-01T02:00:00.000+02:00"}, date="Tue, 01 Dec 2026 00:00:01 GMT"))
    (got,) = judge_versions(client, ["2.337.0"])
    assert (got.verdict, got.ends) == ("refused", "2026-12-01T00:00:00Z")
    assert client.script.requests[0].url == "https://api.github.com/orgs/acme/actions/runners/deprecations/2.337.0"


SERVERS = [("https://github.com/acme", "refused"), ("https://x.ghe.com/acme", "refused"), ("https://git.acme.test/acme", "unknown")]


@pytest.mark.parametrize(("url", "verdict"), SERVERS)
def test_the_floor_is_that_of_github_com(url, verdict):
    (got,) = judge_versions(client_of(said(404), said(body=[]), url=url), ["2.328.9"])
    assert got.verdict == verdict
    (got,) = judge_versions(client_of(said(404), said(body=[]), url=url), ["2.329.0"])
    assert got.verdict == "unknown"


@pytest.mark.parametrize("answer", [[], "x", {"runtime_deprecates_at": "soon"}, {"runtime_deprecates_at": 7}, {"runtime_deprecates_at": "2026-12-01T00:00:00"}])
def test_dates_that_cannot_be_read(answer):
    with pytest.raises(errors.BadAnswerError, match="ask until when the runner 2.337.0 is taken: the answer has no dates that can be read"):
        judge_versions(client_of(said(body=answer)), ["2.337.0"])


FILES = [{}, [7], [{"filename": "x"}], [{"filename": "actions-runner-osx-arm64-2.tar.gz", "os": "osx"}], [{"filename": None}]]


@pytest.mark.parametrize("answer", FILES)
def test_packages_that_cannot_be_read(answer):
    with pytest.raises(errors.BadAnswerError, match="list the runner packages"):
        list_downloads(client_of(said(body=answer)))
