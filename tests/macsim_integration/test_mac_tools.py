# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""mac_tools and the installation of the role tart on one simulated Mac, alone, three at once, and cut short."""

from __future__ import annotations

import functools
import hashlib
import http.server
import pathlib
import subprocess
import threading
import typing as t

import pytest

from tests.macsim_integration.adhoc import ROOT, changed, play, run_module, write

pytest_plugins = ["tests.macsim.pytest_plugin"]

PROGRAM = "tart.app/Contents/MacOS/tart"


@pytest.fixture(scope="module")
def mac(boot_session_mac: t.Callable[..., t.Any]) -> t.Any:
    return boot_session_mac("tools", memory="16GiB")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("tart") / "tart.tar.gz"
    subprocess.run([str(ROOT / "tests" / "macsim" / "macsim"), "tart-archive", "2.36.0", str(path)], check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def url(archive: pathlib.Path) -> t.Iterator[str]:
    """A place from which the Mac, which shares our network, fetches the archive."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(archive.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/{archive.name}"
        server.shutdown()


def tart(packed: pathlib.Path, **source: str) -> dict[str, str]:
    return {"name": "tart", "version": "2.36.0", "sha256": hashlib.sha256(packed.read_bytes()).hexdigest(), "program": PROGRAM, **source}


def actions(result: dict[str, t.Any]) -> list[str]:
    return [step["action"] for step in result["steps"]]


def names(mac: t.Any, root: str) -> list[str]:
    return sorted(path.name for path in (mac.root / root.lstrip("/") / "tart").iterdir())


def temporary(mac: t.Any) -> set[str]:
    """What lies in the Mac's /tmp. Killed runs leave something there, which macOS removes."""
    return {path.name for path in (mac.root / "private" / "tmp").iterdir()}


def test_three_at_once_from_a_url(mac: t.Any, archive: pathlib.Path, url: str) -> None:
    options = {"root": "/opt/url/tools", "tools": [tart(archive, url=url)]}
    (predicted,) = run_module(mac, "mac_tools", "--check", **options)
    assert actions(predicted) == ["install", "switch"]
    assert not (mac.root / "opt" / "url").exists()
    results = run_module(mac, "mac_tools", times=3, **options)
    assert sorted(result["changed"] for result in results) == [False, False, True]
    assert [result["tools"] for result in results] == [{"tart": {"current": "2.36.0", "releases": ["2.36.0"]}}] * 3
    assert names(mac, "/opt/url/tools") == ["2.36.0", "current"]
    assert mac.exec(f"/opt/url/tools/tart/current/{PROGRAM}", "--version").stdout == "2.36.0\n"
    (again,) = run_module(mac, "mac_tools", **options)
    assert (again["changed"], again["steps"]) == (False, [])


@pytest.mark.parametrize("words", [["-t"], ["-x"]])
def test_killed_while_it_unpacks(mac: t.Any, archive: pathlib.Path, words: list[str]) -> None:
    root = f"/opt/killed{words[0]}/tools"
    write(mac, "/opt/archives/tart.tar.gz", archive.read_bytes())
    options = {"root": root, "tools": [tart(archive, archive="/opt/archives/tart.tar.gz")]}
    mac.fault([{"tool": "tar", "match": words, "effect": "partial", "kill_caller": True}])
    (killed,) = run_module(mac, "mac_tools", **options)
    assert "steps" not in killed
    (left,) = names(mac, root)
    assert left.startswith(".new-")
    (mended,) = run_module(mac, "mac_tools", **options)
    assert actions(mended) == ["clear", "install", "switch"]
    assert names(mac, root) == ["2.36.0", "current"]
    (removed,) = run_module(mac, "mac_tools", root=root, tools=[{"name": "tart", "state": "absent"}])
    assert (actions(removed), removed["tools"]) == (["remove"], {})
    assert not (mac.root / root.lstrip("/") / "tart").exists()


def test_what_cannot_be_fetched(mac: t.Any, archive: pathlib.Path, url: str) -> None:
    for source, message in (
        (f"{url}.old?token=secret", f"{url}.old cannot be fetched: HTTP Error 404: File not found"),
        ("http://127.0.0.1:1/tart.tar.gz", "http://127.0.0.1:1/tart.tar.gz cannot be fetched: <urlopen error [Errno 111] Connection refused>"),
    ):
        (result,) = run_module(mac, "mac_tools", root="/opt/none/tools", tools=[tart(archive, url=source)])
        assert result["msg"] == f"tool tart, field url: {message}"
    assert not (mac.root / "opt" / "none").exists()


def test_three_plays_of_the_role(mac: t.Any, archive: pathlib.Path, tmp_path: pathlib.Path) -> None:
    role = {"name": "action_packer.mac_runners.tart", "tasks_from": "install.yml"}
    release = tart(archive)
    variables = {"tart_archive": str(archive), "tart_version": release["version"], "tart_sha256": release["sha256"]}
    tasks = [{"ansible.builtin.include_role": role, "vars": variables}]
    ((rc, output),) = play(mac, tmp_path, tasks, "--check", "--diff")
    assert (rc, changed(output)) == (0, 1), output
    assert '+        "current": "2.36.0"' in output
    assert not (mac.root / "opt" / "mac_runners").exists()
    before = temporary(mac)
    for rc, output in play(mac, tmp_path, tasks, "--diff", times=3):
        assert rc == 0, output
    assert names(mac, "/opt/mac_runners/tools") == ["2.36.0", "current"]
    ((rc, output),) = play(mac, tmp_path, tasks)
    assert (rc, changed(output)) == (0, 0), output
    assert temporary(mac) == before


def test_the_role_takes_its_upload_away_when_it_fails(mac: t.Any, archive: pathlib.Path, tmp_path: pathlib.Path) -> None:
    role = {"name": "action_packer.mac_runners.tart", "tasks_from": "install.yml"}
    variables = {"tart_archive": str(archive), "tart_version": "9.0.0", "tart_sha256": "0" * 64}
    before = temporary(mac)
    ((rc, output),) = play(mac, tmp_path, [{"ansible.builtin.include_role": role, "vars": variables}])
    assert rc == 2
    assert "but the archive for release 9.0.0 has" in output
    assert temporary(mac) == before
