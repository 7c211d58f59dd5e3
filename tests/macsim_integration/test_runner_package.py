# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""runner_package on one simulated Mac: from a mirror and from a file, three at once, killed, and under runners that run."""

from __future__ import annotations

import functools
import hashlib
import http.server
import pathlib
import subprocess
import sys
import threading
import typing as t

import pytest

from tests.macsim_integration.adhoc import ROOT, changed, play, run_module, write

pytest_plugins = ["tests.macsim.pytest_plugin"]

OLD, NEW = "2.336.0", "2.337.0"
BASE = "/opt/mac_runners/tools/actions-runner"


@pytest.fixture(scope="module")
def mac(boot_session_mac: t.Callable[..., t.Any]) -> t.Any:
    return boot_session_mac("runners", memory="16GiB")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pathlib.Path]:
    """Packages of a stand-in for GitHub's runner, in the folders of GitHub."""
    mirror = tmp_path_factory.mktemp("mirror")
    found = {}
    for version in (OLD, NEW):
        folder = mirror / f"v{version}"
        folder.mkdir()
        subprocess.run([sys.executable, ROOT / "tests" / "runner" / "build.py", version, folder], check=True, capture_output=True)
        (found[version],) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def mirror(packages: dict[str, pathlib.Path]) -> t.Iterator[str]:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(packages[OLD].parent.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def pinned(packages: dict[str, pathlib.Path], version: str, **fields: t.Any) -> dict[str, t.Any]:
    return {"version": version, "sha256": hashlib.sha256(packages[version].read_bytes()).hexdigest(), **fields}


def actions(result: dict[str, t.Any]) -> list[str]:
    return [step["action"] for step in result["steps"]]


def names(mac: t.Any, root: str = BASE) -> list[str]:
    return sorted(path.name for path in (mac.root / root.lstrip("/")).iterdir())


def test_three_at_once_from_a_mirror(mac: t.Any, packages: dict[str, pathlib.Path], mirror: str) -> None:
    options = pinned(packages, OLD, mirror=mirror)
    (predicted,) = run_module(mac, "runner_package", "--check", **options)
    assert (actions(predicted), predicted["package"]) == (["install", "switch"], {})
    assert not (mac.root / BASE.lstrip("/")).exists()
    results = run_module(mac, "runner_package", times=3, **options)
    assert sorted(result["changed"] for result in results) == [False, False, True]
    assert [result["package"] for result in results] == [{"current": OLD, "releases": [OLD]}] * 3
    assert mac.exec(f"{BASE}/current/bin/Runner.Listener", "--version").stdout == f"{OLD}\n"
    (again,) = run_module(mac, "runner_package", **options)
    assert (again["changed"], again["steps"]) == (False, [])


def test_a_runner_that_runs_holds_the_link(mac: t.Any, packages: dict[str, pathlib.Path]) -> None:
    write(mac, "/opt/archives/new.tar.gz", packages[NEW].read_bytes())
    options = pinned(packages, NEW, archive="/opt/archives/new.tar.gz", retain=0)
    # In the place of a listener that waits for jobs, which would need a GitHub.
    write(mac, f"{BASE}/{OLD}/bin/waits", b"#!/bin/sh\nsleep 300\n")
    (mac.root / BASE.lstrip("/") / OLD / "bin" / "waits").chmod(0o755)
    pid = mac.ssh(f"{BASE}/current/bin/waits >/dev/null 2>&1 </dev/null & echo $!").stdout.strip()
    (predicted,) = run_module(mac, "runner_package", "--check", **options)
    (held,) = run_module(mac, "runner_package", **options)
    for result in (predicted, held):
        assert (actions(result), result["in_use"]) == (["install"], {OLD: [int(pid)]})
        assert f"release {OLD} stays the current one, since processes run from it: {pid}; drain" in result["waiting"]
    assert held["package"] == {"current": OLD, "releases": [OLD, NEW]}
    (again,) = run_module(mac, "runner_package", **options)
    assert (again["changed"], again["waiting"]) == (False, held["waiting"])
    (refused,) = run_module(mac, "runner_package", state="absent")
    assert f"nothing was removed, since it is used: release {OLD} by processes {pid}; drain the slots and take them away first" in refused["msg"]
    mac.ssh(f"kill {pid}")
    (switched,) = run_module(mac, "runner_package", **options)
    assert (actions(switched), switched["package"], switched["waiting"]) == (["switch", "prune"], {"current": NEW, "releases": [NEW]}, "")
    assert names(mac) == [NEW, "current"]


def test_killed_while_it_unpacks(mac: t.Any, packages: dict[str, pathlib.Path]) -> None:
    write(mac, "/opt/archives/new.tar.gz", packages[NEW].read_bytes())
    options = pinned(packages, NEW, archive="/opt/archives/new.tar.gz", root="/opt/killed/tools")
    mac.fault([{"tool": "tar", "match": ["-x"], "effect": "partial", "kill_caller": True}])
    (killed,) = run_module(mac, "runner_package", **options)
    assert "steps" not in killed
    (left,) = names(mac, "/opt/killed/tools/actions-runner")
    assert left.startswith(".new-")
    (mended,) = run_module(mac, "runner_package", **options)
    assert actions(mended) == ["clear", "install", "switch"]
    (removed,) = run_module(mac, "runner_package", root="/opt/killed/tools", state="absent")
    assert (actions(removed), removed["package"]) == (["remove"], {})


def test_what_is_refused_before_anything_changes(mac: t.Any, packages: dict[str, pathlib.Path], mirror: str) -> None:
    root = "/opt/refused/tools"
    for options, message in (
        ({"mirror": mirror}, "runner package: version and sha256 are not given; write both"),
        (
            pinned(packages, NEW, mirror=f"{mirror}/none"),
            f"field mirror: {mirror}/none/v{NEW}/actions-runner-osx-arm64-{NEW}.tar.gz cannot be fetched: HTTP Error 404",
        ),
        (
            pinned(packages, NEW, mirror=mirror, runtime_deprecates_at="2020-01-01T00:00:00Z"),
            f'runner package, field version: got "{NEW}"; nothing was changed, since the runner {NEW} gets no jobs since 2020-01-01T00:00:00Z; pin a newer',
        ),
        ({**pinned(packages, NEW, mirror=mirror), "sha256": "0" * 64}, f"field sha256: got {'0' * 64}, but the archive for release {NEW} has"),
    ):
        (result,) = run_module(mac, "runner_package", root=root, **options)
        assert message in result["msg"]
    assert not (mac.root / "opt" / "refused").exists()


def test_the_role_brings_an_archive_from_the_controller(mac: t.Any, packages: dict[str, pathlib.Path], tmp_path: pathlib.Path) -> None:
    asked = {"versions": {"https://github.com/acme": {"runner_versions": [{"version": NEW, "runtime_deprecates_at": "2020-01-01T00:00:00Z"}]}}}
    variables: dict[str, t.Any] = {"mac_runners_runner_version": NEW, "mac_runners_runner_sha256": pinned(packages, NEW)["sha256"]}
    variables["runner_package_archive"] = str(packages[NEW])
    role = {"name": "action_packer.mac_runners.runner", "tasks_from": "package"}

    def tasks(**more: t.Any) -> list[dict[str, t.Any]]:
        return [{"ansible.builtin.include_role": role, "vars": {**variables, **more}}]

    run_module(mac, "runner_package", state="absent")
    temporary = mac.root / "private" / "tmp"
    before = {path.name for path in temporary.iterdir()}
    ((rc, output),) = play(mac, tmp_path, tasks(), "--check")
    assert (rc, changed(output)) == (0, 1), output
    ((rc, output),) = play(mac, tmp_path, tasks())
    assert rc == 0, output
    assert names(mac) == [NEW, "current"]
    ((rc, output),) = play(mac, tmp_path, tasks())
    assert (rc, changed(output)) == (0, 0), output
    # What the plan of the run was told by GitHub holds here too.
    ((rc, output),) = play(mac, tmp_path, tasks(mac_runners_github={"url": "https://github.com/acme"}, capacity_asked=asked))
    assert rc == 2
    assert f"nothing was changed, since the runner {NEW} gets no jobs since 2020-01-01T00:00:00Z; pin a newer version" in output
    assert {path.name for path in temporary.iterdir()} == before
