# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""sandbox_profiles and the role sandbox on one simulated Mac, whose sandbox-exec looks at each profile."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.macsim_integration.adhoc import changed, play, run_module

pytest_plugins = ["tests.macsim.pytest_plugin"]

PLAIN = '(version 1)\n(deny default)\n(allow process-exec* file-read* (subpath "/usr"))\n(allow file-read* (literal "/"))\n'
WITH_PARAM = PLAIN + '(allow file-read* (subpath (param "SOURCES")))\n'


@pytest.fixture(scope="module")
def mac(boot_session_mac: t.Callable[..., t.Any]) -> t.Any:
    return boot_session_mac("profiles", memory="16GiB")


def policy(number: int) -> dict[str, t.Any]:
    home = f"/Users/mac-runners-lint-{number}"
    return {"home": home, "presets": ["build"], "work": [home + "/work"]}


def actions(result: dict[str, t.Any]) -> list[tuple[str, str]]:
    return [(step["resource"], step["action"]) for step in result["steps"]]


def test_installed_in_check_mode_and_for_good(mac: t.Any) -> None:
    profiles = [
        {"name": "lint-1", "policy": policy(1)},
        {"name": "hand", "content": WITH_PARAM, "params": {"SOURCES": "/Users/ci/src"}},
    ]
    wanted = [("lint-1", "install"), ("hand", "install"), ("lint-1", "switch"), ("hand", "switch")]
    (predicted,) = run_module(mac, "sandbox_profiles", "--check", profiles=profiles)
    assert (predicted["changed"], actions(predicted), predicted["profiles"]) == (True, wanted, {})
    assert not (mac.root / "opt/mac_runners/sandbox").exists()
    results = run_module(mac, "sandbox_profiles", times=2, profiles=profiles)
    assert sorted(result["changed"] for result in results) == [False, True]
    for name in ("lint-1", "hand"):
        path = results[0]["profiles"][name]["path"]
        file = mac.root / path.lstrip("/")
        assert (file.stat().st_mode & 0o7777, file.stat().st_uid) == (0o444, 0)
        # As a job would: a program of another user, in the profile.
        words = ["-D", "SOURCES=/Users/ci/src"] if name == "hand" else []
        job = mac.exec("/usr/bin/sudo", "-n", "-u", "nobody", "/usr/bin/sandbox-exec", "-f", path, *words, "/bin/echo", "here")
        assert (job.stdout, job.stderr) == ("here\n", "")
    (again,) = run_module(mac, "sandbox_profiles", profiles=profiles)
    assert (again["changed"], again["steps"]) == (False, [])
    (purged,) = run_module(mac, "sandbox_profiles", profiles=[], purge=True)
    assert actions(purged) == [("hand", "remove"), ("lint-1", "remove"), ("/opt/mac_runners/sandbox", "remove")]
    assert not (mac.root / "opt/mac_runners/sandbox").exists()


def test_what_sandbox_exec_refuses_is_not_installed(mac: t.Any) -> None:
    # The linter takes the guard; this sandbox-exec wants each parameter to be given.
    content = PLAIN + '(if (param "SOURCES") (allow file-read* (subpath (param "SOURCES"))))\n'
    for words in ([], ["--check"]):
        (result,) = run_module(mac, "sandbox_profiles", *words, profiles=[{"name": "lint-1", "policy": policy(1)}, {"name": "hand", "content": content}])
        assert result["msg"].startswith("nothing was changed: profile hand: macOS does not compile it (sandbox-exec: unbound variable: SOURCES")
    assert not (mac.root / "opt/mac_runners/sandbox").exists()


def test_errors_have_line_and_column(mac: t.Any) -> None:
    (result,) = run_module(mac, "sandbox_profiles", profiles=[{"name": "hand", "content": PLAIN + "(allow file-reed*)"}])
    assert "profile hand, field content, line 5, column 8: got (allow file-reed*) (unknown-operation: unbound variable: file-reed*); allowed:" in result["msg"]


def test_killed_while_it_tries(mac: t.Any) -> None:
    mac.fault([{"tool": "sandbox-exec", "kill_caller": True}])
    (killed,) = run_module(mac, "sandbox_profiles", profiles=[{"name": "lint-1", "policy": policy(1)}])
    assert "steps" not in killed and not (mac.root / "opt/mac_runners/sandbox").exists()
    (mended,) = run_module(mac, "sandbox_profiles", profiles=[{"name": "lint-1", "policy": policy(1)}])
    assert actions(mended) == [("lint-1", "install"), ("lint-1", "switch")]
    (removed,) = run_module(mac, "sandbox_profiles", profiles=[{"name": "lint-1", "state": "absent"}])
    assert actions(removed)[0] == ("lint-1", "remove")


def test_the_role(mac: t.Any, tmp_path: pathlib.Path) -> None:
    pools = [
        {"name": "lint", "isolation": "sandbox", "count": 2, "trust": "trusted"},
        {"name": "fmt", "isolation": "account", "count": 1, "trust": "trusted"},
    ]
    variables = {"sandbox_pools": pools, "sandbox_profiles": [{"name": "hand", "content": PLAIN}], "sandbox_policies": {"lint": {"presets": ["node"]}}}
    tasks = [{"ansible.builtin.include_role": {"name": "action_packer.mac_runners.sandbox"}, "vars": variables}]
    ((rc, output),) = play(mac, tmp_path, tasks, "--check", "--diff")
    assert (rc, changed(output)) == (0, 1) and "+; Sandbox profile of lint-2. Generated" in output, output
    assert not (mac.root / "opt/mac_runners/sandbox").exists()
    for count in (1, 0):
        ((rc, output),) = play(mac, tmp_path, tasks)
        assert (rc, changed(output)) == (0, count), output
    root = mac.root / "opt/mac_runners/sandbox"
    assert sorted(path.name for path in root.iterdir()) == ["hand", "lint-1", "lint-2"]
    text = (root / "lint-1" / "current.sb").read_text()
    assert '(subpath "/Users/mac-runners-fmt-1")' in text and '"*:20000"' in text and "part node" in text
    absent = [{"ansible.builtin.include_role": {"name": "action_packer.mac_runners.sandbox", "tasks_from": "absent.yml"}}]
    for count in (1, 0):
        ((rc, output),) = play(mac, tmp_path, absent)
        assert (rc, changed(output)) == (0, count), output
    assert not root.exists()
