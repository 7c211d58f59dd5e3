# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program itself: built the same everywhere, light while it waits, signed by an App's key, and its way to an engine."""

from __future__ import annotations

import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import zipfile

import identities
import pytest
import tls
from double.state import App

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import SlotError
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._slot_program import build
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.engine import Engine, EngineError, Frames

ROOT = pathlib.Path(__file__).resolve().parents[2]
#: What a bare supervisor may cost.
MOST_KB = 12 * 1024


def test_the_same_sources_give_the_same_bytes(program, tmp_path):
    copy = tmp_path / "elsewhere"
    for part in ("plugins", "roles/runner"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    assert build(copy) == program.read_bytes()


def test_other_versions_of_python_build_the_same_bytes(program, tmp_path, python):
    """A Mac's own, with nothing but its standard library."""
    target = tmp_path / "slot.pyz"
    path = ROOT / "plugins" / "plugin_utils" / "_slot_program.py"
    subprocess.run([python, "-I", str(path), str(target)], check=True)
    assert target.read_bytes() == program.read_bytes()


def test_what_is_compiled_is_taken_by_the_same_python_alone(program, python, tmp_path):
    (compiled,) = program.parent.glob("compiled.*.zip")
    assert compiled.name == "compiled.cpython-39.zip" and compiled.stat().st_mode & 0o022 == 0
    folder = tmp_path / "version"
    folder.mkdir()
    for path in (program, compiled):
        shutil.copy(path, folder)
    (tmp_path / "current").symlink_to(folder)
    asked = [python, "-I", "-v", str(tmp_path / "current" / "slot.pyz"), "fly"]
    taken = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert taken.returncode == 64 and "slot run FOLDER" in taken.stderr
    assert f"{folder}/compiled.cpython-39.zip/ansible_collections" in taken.stderr and "slot.pyz/ansible_collections" not in taken.stderr
    (folder / compiled.name).write_bytes(b"no zip")
    left = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert left.returncode == 64 and "slot.pyz/ansible_collections" in left.stderr
    other = subprocess.run([sys.executable, "-I", str(folder / "slot.pyz"), "fly"], capture_output=True, text=True, check=False)
    assert other.returncode == 64


def test_it_holds_all_that_it_imports_and_nothing_of_ansible(program):
    with zipfile.ZipFile(io.BytesIO(program.read_bytes())) as archive:
        names = archive.namelist()
        texts = [archive.read(name).decode() for name in names]
    assert "__main__.py" in names and names == sorted(names)
    assert [text for text in texts if "from ansible.module_utils" in text or "import ansible." in text] == []


@pytest.mark.parametrize("arguments", [[], ["run"], ["child", "settings"], ["fly", "/"]])
def test_wrong_arguments_are_refused_with_a_usage(program, python, arguments):
    done = subprocess.run([python, "-I", str(program), *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 64 and "slot run FOLDER" in done.stderr


def test_a_waiting_slot_is_light(mac):
    folder = mac.slot()
    process = mac.start(folder)
    mac.wait_for(folder, "listening")
    used = int(next(line.split()[1] for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("VmRSS")))
    print(f"resident: {used} kB", file=sys.__stderr__)
    assert used < MOST_KB


def test_a_log_that_was_rotated_is_left_alone(mac):
    folder = mac.slot()
    mac.start(folder)
    mac.wait_for(folder, "listening")
    rotated = mac.log(folder).with_suffix(".0")
    mac.log(folder).rename(rotated)
    mac.log(folder).touch(mode=0o640)
    told = rotated.read_text()
    mac.drain(folder)
    mac.wait_for(folder, "drained")
    assert [entry["state"] for entry in mac.events(folder, "state")][-1] == "drained"
    assert rotated.read_text() == told


@pytest.fixture
def app(github, tmp_path):
    """The settings of a slot that has the key of an App."""
    key = identities.rsa_key()
    path = tmp_path / "key.pem"
    path.write_text(identities.pem(key))
    path.chmod(0o600)
    github.world.apps["Iv23liTEST"] = App("Iv23liTEST", key.public_key(), 42, "/orgs/acme", {"organization_self_hosted_runners": "write"})
    return {"token_file": None, "client_id": "Iv23liTEST", "key_file": str(path)}


def test_the_key_of_an_app_is_enough(mac, broker, app):
    folder = mac.slot(github=app)
    job = broker.queue("echo done")
    mac.start(folder)
    mac.finish(job)
    assert job.result == "Succeeded"


@pytest.mark.parametrize("wrong", [3600, -3600])
def test_a_clock_that_is_wrong_does_not_stop_a_slot(mac, broker, github, app, wrong):
    github.world.offset = wrong
    folder = mac.slot(github=app)
    job = broker.queue("echo done")
    mac.start(folder)
    mac.finish(job)
    assert job.result == "Succeeded"


def test_a_private_authority_and_a_proxy_are_settings_of_a_slot(mac, github, secure_proxy, tmp_path):
    """Everything goes through the proxy, which alone knows where GitHub is; its certificate is of an authority that nobody knows."""
    front, given = secure_proxy
    folder = mac.slot(github={"url": front, **given})
    mac.start(folder)
    mac.wait_for(folder, "starting")
    # In its container nobody listens at that address: so much for the runner having it.
    mac.wait("the runner asks the proxy", lambda: "Runner connect error" in mac.api.logs("mac-runners-linux-1").decode())
    assert given["proxy"] not in json.dumps(mac.api.inspect_container("mac-runners-linux-1"))
    mac.drain(folder)
    mac.wait_for(folder, "drained")
    assert github.asked("DELETE"), "the answer came from elsewhere"
    strange = mac.slot(2, github={"url": front, "proxy": given["proxy"]})
    mac.start(strange)
    mac.wait_for(strange, "waiting")
    assert "certificate" in mac.status(strange)["message"].lower()


@pytest.fixture
def secure_proxy(github, tmp_path):
    """The url of a GitHub that only a proxy finds, whose TLS ends here; and what a slot has to be given for it."""
    context, authority = identities.certificate(tmp_path, "github.acme.test")
    with tls.Front(context, github.port) as front, tls.Proxy(front.port) as proxy:
        yield f"https://github.acme.test:{front.port}/acme", {"ca_path": str(authority), "proxy": proxy.url}


def answered(tmp_path, content):
    """An engine that gives this answer to whatever it is asked."""
    path = str(tmp_path / "engine.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def serve():
        connection, _peer = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(content)

    threading.Thread(target=serve, daemon=True).start()
    return Engine(path)


@pytest.mark.parametrize(
    ("content", "said", "status"),
    [
        (b"", "without an answer", 0),
        (b"HTTP/1.0 200 OK\r\n", "without an answer", 0),
        (b"nonsense\r\n\r\n", "no answer of a Docker Engine", 0),
        (b"HTTP/1.0 200 OK\r\n\r\nnonsense", "is no JSON", 0),
        (b'HTTP/1.0 409 Conflict\r\n\r\n{"message": "name in use"}', "name in use", 409),
        (b"HTTP/1.0 500 Oh\r\n\r\nnonsense", "HTTP status 500", 500),
    ],
)
def test_an_engine_that_answers_nonsense_or_refuses_is_told(tmp_path, content, said, status):
    with pytest.raises(EngineError, match=said) as caught:
        answered(tmp_path, content).ask("GET", "/info")
    assert caught.value.status == status


def test_an_engine_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SlotError, match="gives no answer"):
        Engine(str(tmp_path / "none")).ask("GET", "/info")


@pytest.mark.parametrize("size", [1, 3, 7, 8, 1000])
def test_lines_come_out_of_frames_however_they_are_cut(size):
    frames, found = Frames(), []
    parts = [b"one\ntw", b"o\n", b"\xffthree\nfour"]
    content = b"".join(b"\x01\0\0\0" + len(part).to_bytes(4, "big") + part for part in parts)
    for start in range(0, len(content), size):
        found += frames.lines(content[start : start + size])
    assert (found, frames.rest()) == (["one", "two", "\ufffdthree"], ["four"])
