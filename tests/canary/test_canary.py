# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The judge is awake: a leak through each channel is found and named, without the secret; what is allowed is not."""

from __future__ import annotations

import base64
import functools
import gzip
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import typing as t

import pytest

from tests.canary.allowed import ALLOWED, reason
from tests.canary.find import Find
from tests.canary.plugin import loud_ansible
from tests.canary.watch import ROOT, Watch
from tests.macsim.pytest_plugin import boot_mac_fixture  # a fixture

__all__ = ["boot_mac_fixture"]

#: Another mark than that of the session, which must not take these for leaks.
MARK = os.urandom(12).hex()
KINDS = {"proxy-password-": "proxy password", "ghp_": "API token", "ghs_": "installation token", "jit-key": "runner key"}
TOKEN, KEY = f"ghp_{MARK}{os.urandom(8).hex()}", f"jit-key{MARK}{os.urandom(8).hex()}"
PASSWORD = f"proxy-password-{MARK}{os.urandom(8).hex()}"
CONFIG = base64.b64encode(json.dumps({".runner": "e30=", ".credentials_rsaparams": base64.b64encode(KEY.encode()).decode()}).encode()).decode()
LIVES = "import sys, time; sys.stdin.readline(); time.sleep(0.1)"


@pytest.fixture
def watch(tmp_path: pathlib.Path) -> t.Iterator[Watch]:
    with Watch(MARK, KINDS, {"": str(tmp_path)}) as made:
        yield made


def leaks(watch: Watch) -> dict[str, str]:
    """Place -> kind. No secret is in what is told."""
    finds = watch.look()
    assert MARK not in "".join(map(str, finds))
    return {find.place: find.kind for find in finds}


def live(*words: str, **environment: str) -> None:
    """A process of a tenth of a second."""
    subprocess.run([sys.executable, "-c", LIVES, *words], env={**os.environ, **environment}, stdin=subprocess.DEVNULL, check=True)


@pytest.mark.parametrize(("secret", "kind"), [(TOKEN, "API token"), (KEY, "runner key"), (CONFIG, "JIT config")], ids=["token", "key", "config"])
def test_an_argument_of_a_process_that_lived_a_tenth_of_a_second(watch: Watch, secret: str, kind: str) -> None:
    live("--token", secret)
    (place, found), *more = leaks(watch).items()
    # On a busy machine it may end between the reading of its arguments and that of its user.
    known = re.fullmatch(r"argument list of '.*--token <secret>' \(uid (0|\?)\)", place)
    assert (known is not None, found, more) == (True, kind, [])


def test_the_environment_of_a_process(watch: Watch) -> None:
    live(GITHUB_TOKEN=TOKEN)
    (place,) = leaks(watch)
    assert place.startswith("environment of '") and place.endswith("(uid 0): GITHUB_TOKEN")


def test_a_process_that_becomes_another_program(watch: Watch) -> None:
    script = f"sleep 0.3; exec {sys.executable} -c '{LIVES}' \"$(cat)\""
    subprocess.run(["/bin/sh", "-c", script], input=TOKEN.encode(), check=True)
    assert set(leaks(watch).values()) == {"API token"}


def test_a_secret_without_the_mark(watch: Watch, tmp_path: pathlib.Path) -> None:
    other = os.urandom(24).hex()
    watch.remember("App key", other)
    live(other)
    (tmp_path / "key").write_text(other)
    assert sorted(leaks(watch).values()) == ["App key", "App key"]


WAYS = {
    "plain": TOKEN.encode(),
    "JSON": json.dumps({"argv": json.dumps({"token": TOKEN})}).encode(),
    "base 64": base64.b64encode(b"x-access-token:" + TOKEN.encode()),
    "base 64 for URLs": base64.urlsafe_b64encode(b"??>" + TOKEN.encode()),
    "lines": base64.encodebytes(b"a" * 40 + TOKEN.encode()),
    "lines in JSON": json.dumps(base64.encodebytes(b"a" * 41 + TOKEN.encode()).decode()).encode(),
    "base 64 of base 64": base64.b64encode(b"z" + base64.b64encode(TOKEN.encode())),
    "gzip": gzip.compress(TOKEN.encode()),
    "far inside": bytes((8 << 20) - 30) + TOKEN.encode(),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_file_whatever_the_form(watch: Watch, tmp_path: pathlib.Path, way: str) -> None:
    (tmp_path / "slot.plist").write_bytes(WAYS[way])
    assert leaks(watch) == {f"file {tmp_path}/slot.plist": "API token"}


def test_a_log_to_which_something_is_added(watch: Watch, tmp_path: pathlib.Path) -> None:
    log = tmp_path / "slot.log"
    log.write_text("nothing\n" * 1000)
    assert leaks(watch) == {}
    with log.open("a") as file:
        file.write(f"{CONFIG}\n")
    assert leaks(watch) == {f"file {log}": "JIT config"}


def test_behind_the_hole_of_a_disk(watch: Watch, tmp_path: pathlib.Path) -> None:
    with (tmp_path / "disk.img").open("wb") as file:
        file.seek(20 << 30)
        file.write(KEY.encode())
    assert leaks(watch) == {f"file {tmp_path}/disk.img": "runner key"}


def test_a_watcher_that_has_ended_is_no_good_news(watch: Watch) -> None:
    watch._watchers["processes"].kill()
    watch._watchers["processes"].wait()
    with pytest.raises((RuntimeError, BrokenPipeError)):
        watch.look()


def test_files_of_a_mac(boot_mac: t.Callable[..., t.Any], watch: Watch) -> None:
    """The credential of its slots is for root alone: not for a runner's user, not under another name."""
    mac = boot_mac()
    folder = mac.root / "private/var/db/mac_runners/credentials"
    folder.mkdir(parents=True)
    token, plist = folder / "token", mac.root / "Library/LaunchDaemons/slot.plist"
    token.touch(mode=0o600)
    token.write_text(TOKEN)
    assert leaks(watch) == {} and sum(watch.allowed.values()) == 1
    plist.write_text(f"<string>{TOKEN}</string>")
    token.chmod(0o644)
    names = {place.partition(": ")[2] for place in leaks(watch)}
    assert names == {"/private/var/db/mac_runners/credentials/token", "/Library/LaunchDaemons/slot.plist"}
    token.chmod(0o600)
    os.chown(token, 502, 20)
    assert [place.rpartition("/")[2] for place in leaks(watch)] == ["token"]
    mac.exec("/usr/bin/python3", "-c", "import time; time.sleep(0.2)", TOKEN, check=True)
    assert any(place.startswith("argument list of") and "nsenter" not in place for place in leaks(watch))


ON_A_MAC = {
    "log": "private/var/log/mac_runners/slot.linux-1.log",
    "plist": "Library/LaunchDaemons/action_packer.mac_runners.slot.linux-1.plist",
    "local facts": "private/etc/ansible/facts.d/runners.fact",
    "settings": "private/var/db/mac_runners/slots/linux-1/settings.json",
    "files of a job": "Users/runner/actions-runner/_work/_temp/script.sh",
    "files of a while": "private/tmp/ansible-tmp-1/AnsiballZ_runner_slots.py",
}


def test_each_place_of_a_mac(boot_mac: t.Callable[..., t.Any], watch: Watch) -> None:
    mac = boot_mac()
    assert leaks(watch) == {}
    for path in ON_A_MAC.values():
        (mac.root / path).parent.mkdir(parents=True, exist_ok=True)
        (mac.root / path).write_text(f"password={PASSWORD}\n")
    assert {place.partition(": /")[2]: kind for place, kind in leaks(watch).items()} == dict.fromkeys(ON_A_MAC.values(), "proxy password")


def test_what_a_play_says_its_processes_and_the_facts_that_it_keeps(watch: Watch, tmp_path: pathlib.Path) -> None:
    """The environment of a task becomes words of a shell; a fact goes to the cache; -vvvv tells both."""
    asking = {"ansible.builtin.command": "sleep 0.2", "environment": {"HTTPS_PROXY": f"http://fleet:{PASSWORD}@proxy:3128"}}
    keep = {"ansible.builtin.set_fact": {"kept": TOKEN, "cacheable": True}}
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [asking]}]))
    (tmp_path / "keep.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [keep]}]))
    environment = {**os.environ, **loud_ansible(tmp_path / "loud")}
    watch.look()
    for name in ("play.yml", "keep.yml"):
        here = ["-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
        command = [str(ROOT / ".venv/bin/ansible-playbook"), *here, str(tmp_path / name)]
        subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    found = leaks(watch)
    assert {found.get(f"file {tmp_path}/loud/{name}") for name in ("ansible.log", "facts/s1_localhost")} <= {"API token", "proxy password"}
    assert any(place.startswith("argument list of '/bin/sh -c HTTPS_PROXY=") or "<secret>" in place for place in found), found


def test_what_an_engine_keeps_of_a_container(tmp_path: pathlib.Path) -> None:
    """A description of a container holds its environment; every user of the engine can ask for it."""
    folder = pathlib.Path(os.environ["DOCKER_HOST"].removeprefix("unix://")).parent
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    docker = functools.partial(subprocess.run, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    docker(["docker", "import", str(tmp_path / "empty.tar"), "canary:1"])
    with Watch(MARK, KINDS, {"": str(folder)}) as watch:
        (tmp_path / "environment").write_text(f"TOKEN={TOKEN}\n")
        docker(["docker", "create", "--name", "canary", "--env-file", str(tmp_path / "environment"), "canary:1", "/nothing"])
        found = leaks(watch)
    docker(["docker", "rm", "canary"])
    assert any(re.search("/containers/[0-9a-f]{64}/config.v2.json$", place) for place in found), found


LISTENER = "environment of '/usr/bin/python3 /home/runner/bin/Runner.Listener run' (uid 1001): ACTIONS_RUNNER_INPUT_JITCONFIG"
CONFIGURE = "environment of 'python3 ./bin/Runner.Listener configure --unattended' (uid 1001): ACTIONS_RUNNER_INPUT_TOKEN"
SETTINGS = "file Mac a-1-1: /private/var/db/mac_runners/slots/linux-1/settings.json"
OWN = "file /tmp/mac-runners-engine.x/data/overlay2/y/diff/home/runner/.credentials_rsaparams"


@pytest.mark.parametrize(
    ("allowed", "find"),
    [
        (True, Find(LISTENER, "JIT config")),
        (False, Find(LISTENER, "API token")),
        (False, Find(LISTENER.replace("Listener run", "Worker x"), "JIT config")),
        (False, Find(LISTENER.replace("1001", "0"), "JIT config")),
        (False, Find(LISTENER.replace("environment", "argument list"), "JIT config")),
        (True, Find(OWN, "runner key", True, 1001)),
        (False, Find(OWN, "runner key", False, 1001)),
        (False, Find(OWN, "API token", True, 1001)),
        (False, Find(OWN.replace("rsaparams", "copy"), "runner key", True, 1001)),
        (True, Find(CONFIGURE, "registration token")),
        (False, Find(CONFIGURE.replace("1001", "0"), "registration token")),
        (False, Find(CONFIGURE.replace("configure", "run"), "registration token")),
        (False, Find(CONFIGURE, "API token")),
        (False, Find("environment of 'tr \\0' (uid 1001): ACTIONS_RUNNER_INPUT_TOKEN", "registration token")),
        (True, Find("environment of '/usr/bin/env python3 ./bin/Runner.Listener configure -x' (uid 1): ACTIONS_RUNNER_INPUT_TOKEN", "registration token")),
        (False, Find("environment of 'sleep 1000' (uid 1001): ACTIONS_RUNNER_INPUT_TOKEN", "registration token")),
        (True, Find(SETTINGS, "proxy password", True, 0)),
        (False, Find(SETTINGS, "proxy password", False, 0)),
        (False, Find(SETTINGS, "proxy password", True, 502)),
        (False, Find(SETTINGS, "API token", True, 0)),
    ],
)
def test_what_is_allowed_is_narrow(allowed: bool, find: Find) -> None:
    assert bool(reason(find)) == allowed


def test_every_allowed_place_has_a_reason() -> None:
    assert all(len(one.reason) > 20 for one in ALLOWED)


SUITE = """
import subprocess, sys
from tests.canary.watch import canary
def test_leak():
    subprocess.run([sys.executable, "-c", "import time; time.sleep(0.1)", canary.mint("ghs_1234_")], check=True)
def test_clean():
    pass
"""


def test_a_suite_with_a_leak_fails(tmp_path: pathlib.Path) -> None:
    (tmp_path / "test_it.py").write_text(SUITE)
    argv = [sys.executable, "-m", "pytest", "-p", "tests.canary.plugin", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), str(tmp_path)]
    run = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert run.returncode == 1 and "installation token: argument list of '" in run.stdout
    assert not re.search("ghs_1234_[0-9a-f]", run.stdout + run.stderr)
