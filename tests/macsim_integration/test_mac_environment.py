# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""mac_environment with the real venv and pip on one simulated Mac, alone, three at once, and cut short; the wheels of the role host."""

from __future__ import annotations

import base64
import hashlib
import io
import pathlib
import subprocess
import typing as t
import zipfile

import pytest

from tests.macsim_integration.adhoc import BIN, ROOT, changed, play, run_module, write

pytest_plugins = ["tests.macsim.pytest_plugin"]


@pytest.fixture(scope="module")
def mac(boot_session_mac: t.Callable[..., t.Any]) -> t.Any:
    return boot_session_mac("environment", memory="16GiB")


def wheel(name: str, version: str) -> bytes:
    """A package with one module, as pip takes it."""
    information = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = '{version}'\n",
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    records = [f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items()]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in {**files, f"{information}/RECORD": "".join(records) + f"{information}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return packed.getvalue()


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def offer(mac: t.Any, version: str) -> dict[str, str]:
    """Put a wheel on the Mac; return the options by which an environment is made from it."""
    content = wheel("runnertools", version)
    write(mac, f"/opt/wheels/runnertools-{version}-py3-none-any.whl", content)
    requirements = f"runnertools=={version} \\\n    --hash=sha256:{hashlib.sha256(content).hexdigest()}\n"
    return {"requirements": requirements, "find_links": "/opt/wheels"}


def version_in(mac: t.Any, path: str) -> str:
    return str(mac.exec(f"{path}/bin/python3", "-c", "import runnertools; print(runnertools.VERSION)").stdout.strip())


def test_three_at_once(mac: t.Any) -> None:
    options = {"path": "/opt/three/venv", **offer(mac, "1.0")}
    (predicted,) = run_module(mac, "mac_environment", "--check", **options)
    assert [step["action"] for step in predicted["steps"]] == ["make"]
    assert not (mac.root / "opt" / "three").exists()
    results = run_module(mac, "mac_environment", times=3, **options)
    assert sorted(result["changed"] for result in results) == [False, False, True], results
    assert version_in(mac, "/opt/three/venv") == "1.0"
    options = {**options, **offer(mac, "2.0")}
    (anew,) = run_module(mac, "mac_environment", **options)
    assert anew["steps"] == [{"resource": "/opt/three/venv", "action": "make anew", "detail": "runnertools==2.0"}]
    assert version_in(mac, "/opt/three/venv") == "2.0"
    (again,) = run_module(mac, "mac_environment", **options)
    assert (again["changed"], again["steps"]) == (False, [])


def test_what_failed_is_made_anew(mac: t.Any) -> None:
    options = {"path": "/opt/failed/venv", **offer(mac, "1.0")}
    wrong = options["requirements"][:-65] + "0" * 64 + "\n"
    (failed,) = run_module(mac, "mac_environment", **{**options, "requirements": wrong})
    assert "DO NOT MATCH THE HASHES" in failed["msg"]
    (mended,) = run_module(mac, "mac_environment", **options)
    assert [step["action"] for step in mended["steps"]] == ["make anew"]
    assert version_in(mac, "/opt/failed/venv") == "1.0"


def test_three_plays_of_the_role_with_wheels_of_the_controller(mac: t.Any, tmp_path: pathlib.Path) -> None:
    wheels = tmp_path / "wheels"
    pins = str(ROOT / "roles" / "host" / "files" / "docker.txt")
    download = ["-m", "pip", "download", "--quiet", "--require-hashes", "--only-binary", ":all:", "--python-version", "3.9"]
    platform = ["--platform", "macosx_11_0_arm64", "--platform", "macosx_10_9_universal2", "--dest", str(wheels), "--requirement", pins]
    subprocess.run([str(BIN / "python"), *download, *platform], check=True, capture_output=True)
    variables = {"host_venv_packages": ["docker"], "host_wheelhouse": str(wheels)}
    tasks = [{"ansible.builtin.import_role": {"name": "action_packer.mac_runners.host"}, "vars": variables}]
    ((rc, output),) = play(mac, tmp_path, tasks, "--check", "--diff")
    assert (rc, changed(output)) == (0, 2), output
    assert "docker==" in output
    assert not (mac.root / "opt" / "mac_runners").exists()
    for rc, output in play(mac, tmp_path, tasks, times=3):
        assert rc == 0, output
    assert sorted(path.name for path in (mac.root / "opt" / "mac_runners").iterdir()) == ["tools", "venv"]
    assert mac.exec("/opt/mac_runners/venv/bin/python3", "-c", "import docker; print(docker.__version__)").stdout
    ((rc, output),) = play(mac, tmp_path, tasks)
    assert (rc, changed(output)) == (0, 0), output
    # As a killed play leaves it.
    write(mac, "/opt/mac_runners/.wheels-abc/some.whl", b"")
    absent = {"ansible.builtin.import_role": {"name": "action_packer.mac_runners.host", "tasks_from": "absent"}}
    ((rc, output),) = play(mac, tmp_path, [absent])
    assert rc == 0, output
    assert not (mac.root / "opt" / "mac_runners").exists()
