# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""runner_registrations: persistent runners in real containers register at the local GitHub and run jobs."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import time
import typing as t
from collections.abc import Iterator

import engine
import image
import pytest
import yaml
from double.broker import Broker
from double.server import LocalGithub
from forward import GATEWAY, PORT
from proxy import Proxy

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGE = "mac-runners-standin:behind-a-proxy"
LABELS = ["docker", "managed-by:test"]
#: What the role lets containers run.
ROLE = yaml.safe_load((ROOT / "roles" / "docker" / "vars" / "main.yml").read_text())
COMMAND = [word.replace("{{ docker_runner_dir }}", "/home/runner") for word in ROLE["__docker_runner_command"]]
DRIVER = """
import json, sys
from ansible.module_utils.testing import patch_module_args
from ansible_collections.action_packer.mac_runners.plugins.modules import runner_registrations
with patch_module_args(json.load(sys.stdin)):
    runner_registrations.main()
"""


class Bench:
    """An engine with persistent containers, and the module."""

    def __init__(self, socket_path: str, github: LocalGithub, broker: Broker) -> None:
        self.socket, self.github, self.broker = socket_path, github, broker
        self.api = engine.client(socket_path)
        image.make(self.api, IMAGE, proxy=f"http://{GATEWAY}:{PORT}")
        self.url = f"{github.url}/acme"

    def container(self, slot: str, persistent: bool = True) -> str:
        prefix = "dev.action-packer.mac-runners."
        labels = {f"{prefix}pool": "linux", f"{prefix}slot": slot, f"{prefix}lifecycle": "persistent" if persistent else "ephemeral"}
        made = self.api.create_container(IMAGE, COMMAND, host_config=self.api.create_host_config(init=True), name=f"mac-runners-{slot}", labels=labels)
        self.api.start(made["Id"])
        return str(made["Id"])

    def wanted(self, slot: str, **fields: t.Any) -> dict[str, t.Any]:
        return {"name": slot, "runner_name": f"mac-{slot}", "url": self.url, "labels": LABELS, **fields}

    def run(self, runners: list[dict[str, t.Any]], token: str = "", check: bool = False, **more: t.Any) -> dict[str, t.Any]:
        arguments = {"runners": runners, "tokens": {self.url: token} if token else {}, "docker_socket": self.socket, **more}
        told = json.dumps({**arguments, "_ansible_check_mode": check, "_ansible_diff": True})
        environment = {"PATH": os.environ["PATH"], "HOME": "/root", "PYTHONPATH": str(ROOT / ".ansible" / "collections")}
        ended = subprocess.run([sys.executable, "-c", DRIVER], input=told, capture_output=True, text=True, env=environment, timeout=120, check=False)
        assert not token or token not in ended.stdout.partition('"invocation"')[0] + ended.stderr
        result: dict[str, t.Any] = json.loads(ended.stdout)
        return result

    def ids(self) -> dict[str, int]:
        """The numbers by which GitHub knows its runners."""
        return {runner.name: number for number, runner in self.broker.scope.runners.items()}

    def wait(self, met: t.Callable[[], t.Any], what: str, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not met():
            logs = [self.api.logs(one["Id"]).decode() for one in self.api.containers()]
            assert time.monotonic() < deadline, f"waited for {what}: {logs}"
            time.sleep(0.1)

    def close(self) -> None:
        for one in self.api.containers(all=True):
            self.api.remove_container(one["Id"], force=True, v=True)
        self.api.close()


@pytest.fixture
def bench(socket_path: str, broker_path: pathlib.Path, github: LocalGithub, tmp_path: pathlib.Path) -> Iterator[Bench]:
    broker_path.unlink(missing_ok=True)
    broker = Broker(github, str(tmp_path / "broker"), f"http://{GATEWAY}:{PORT}")
    proxy = Proxy(str(broker_path), str(tmp_path / "broker"), github.port)
    made = Bench(socket_path, github, broker)
    yield made
    made.close()
    proxy.close()
    broker.close()


def test_runners_register_once_and_run_jobs(bench: Bench) -> None:
    bench.container("linux-1")
    bench.container("linux-2")
    wanted = [bench.wanted("linux-1"), bench.wanted("linux-2")]
    predicted = bench.run(wanted, check=True)
    assert bench.ids() == {} and predicted["changed"]
    refused = bench.run(wanted)
    assert refused["failed"] and "runner linux-1: field tokens" in refused["msg"] and bench.ids() == {}

    done = bench.run(wanted, bench.broker.scope.mint())
    assert not done.get("failed"), done["msg"]
    assert (predicted["steps"], predicted["diff"]) == (done["steps"], done["diff"])
    assert sorted(bench.ids()) == ["mac-linux-1", "mac-linux-2"]
    assert {one["name"]: one["id"] for one in done["runners"]} == {slot: bench.ids()[f"mac-{slot}"] for slot in ("linux-1", "linux-2")}
    jobs = [bench.broker.queue("echo whole", labels=["docker"]) for _number in range(3)]
    bench.wait(lambda: all(job.result for job in jobs), "jobs")
    assert [job.result for job in jobs] == ["Succeeded"] * 3

    known = [{**one, "id": bench.ids()[one["runner_name"]]} for one in wanted]
    again = bench.run(known)
    assert (again["changed"], again["steps"], again["diff"]) == (False, [], {"before": {}, "after": {}})


def test_a_job_is_seen_and_left_alone(bench: Bench) -> None:
    bench.container("linux-1")
    wanted = bench.wanted("linux-1")
    bench.run([wanted], bench.broker.scope.mint())
    job = bench.broker.queue("sleep 8; echo whole")
    bench.wait(lambda: job.runs, "a job")
    bench.wait(lambda: bench.run([])["runners"][0]["busy"], "a busy runner")
    # GitHub is said to have forgotten it: while the job runs nothing is done about that.
    assert bench.run([{**wanted, "id": 0}], bench.broker.scope.mint())["changed"] is False
    bench.wait(lambda: job.result, "the job's end")
    assert job.result == "Succeeded"


def test_a_registration_that_was_interrupted_or_lost_is_made_anew(bench: Bench) -> None:
    number = bench.container("linux-1")
    wanted = bench.wanted("linux-1")
    bench.run([wanted], bench.broker.scope.mint())
    started = bench.api.exec_create(number, ["rm", "/home/runner/.credentials_rsaparams"])
    bench.api.exec_start(started["Id"])
    half = bench.run([{**wanted, "id": bench.ids()["mac-linux-1"]}], bench.broker.scope.mint())
    assert [step["detail"] for step in half["steps"]] == ["it is not configured"] and not half.get("failed")

    bench.broker.scope.runners.clear()
    lost = bench.run([wanted], bench.broker.scope.mint())
    assert [step["detail"] for step in lost["steps"]] == ["GitHub does not know it"] and not lost.get("failed")
    job = bench.broker.queue("echo whole")
    bench.wait(lambda: job.result, "a job")
    assert job.result == "Succeeded"


def test_one_that_fails_hides_no_other(bench: Bench) -> None:
    stopped = bench.container("linux-2")
    bench.api.stop(stopped, timeout=0)
    bench.container("linux-1")
    bench.container("other-1", persistent=False)
    token = bench.broker.scope.mint()
    result = bench.run([bench.wanted("linux-1"), bench.wanted("linux-2"), bench.wanted("other-1"), bench.wanted("linux-3")], token)
    nowhere = "it has no container and no VM here"
    assert result["failures"] == {"linux-2": "its container does not run", "linux-3": nowhere, "other-1": nowhere}
    assert result["changed"] and list(bench.ids()) == ["mac-linux-1"]

    wrong = bench.run([{**bench.wanted("linux-1"), "id": 0, "group": "nobodys"}], token)
    assert re.search(r"runner linux-1: config.sh ended with 1: .*nobodys", wrong["msg"]) and token not in wrong["msg"]


def test_the_token_is_in_no_argument_list(bench: Bench) -> None:
    """A config.sh that shows its words and waits: the token is in its environment alone, as GitHub's runner wants it."""
    number = bench.container("linux-1")
    script = '#!/bin/sh\necho "words: $* ; input of ${#ACTIONS_RUNNER_INPUT_TOKEN}"\ntr "\\\\0" " " </proc/$$/cmdline\nexit 3\n'
    started = bench.api.exec_create(number, ["/bin/sh", "-c", f"printf '{script}' >/home/runner/config.sh"])
    bench.api.exec_start(started["Id"])
    result = bench.run([bench.wanted("linux-1")], "TOKENOFTHISTEST")
    assert "ended with 3" in result["msg"] and "input of 15" in result["msg"] and "TOKENOFTHISTEST" not in result["msg"]
    assert "--unattended --replace --disableupdate" in result["msg"] and "***" not in result["msg"]


def test_a_runner_comes_back_with_its_container_and_ends_with_it(bench: Bench) -> None:
    number = bench.container("linux-1")
    bench.run([bench.wanted("linux-1")], bench.broker.scope.mint())
    bench.wait(lambda: all(runner.online for runner in bench.broker.scope.runners.values()), "a runner")
    begun = time.monotonic()
    bench.api.stop(number, timeout=30)
    assert time.monotonic() - begun < 15 and "Exiting..." in bench.api.logs(number).decode()
    bench.api.start(number)
    job = bench.broker.queue("echo whole")
    bench.wait(lambda: job.result, "a job")
    assert job.result == "Succeeded" and list(bench.ids()) == ["mac-linux-1"]


def test_one_that_was_just_taken_off_registers_again(bench: Bench) -> None:
    """Its listener does not know it yet, and would take the files of the new registration away."""
    bench.container("linux-1")
    wanted = bench.wanted("linux-1")
    for _round in range(2):
        bench.run([wanted], bench.broker.scope.mint())
        bench.wait(lambda: all(runner.online for runner in bench.broker.scope.runners.values()), "a runner")
        bench.broker.scope.remove(bench.ids()["mac-linux-1"])
    bench.run([wanted], bench.broker.scope.mint())
    job = bench.broker.queue("echo whole")
    bench.wait(lambda: job.result, "a job")
    assert job.result == "Succeeded"


def test_what_a_job_wrote_about_its_runner_goes_no_further(bench: Bench) -> None:
    number = bench.container("linux-1")
    bench.run([bench.wanted("linux-1")], bench.broker.scope.mint())
    forged = json.dumps({"AgentId": 10**40, "AgentName": "\x1b]0;mine\x07", "GitHubUrl": ["a"]})
    started = bench.api.exec_create(number, ["/bin/sh", "-c", f"printf '%s' '{forged}' >/home/runner/.runner"])
    bench.api.exec_start(started["Id"])
    (shown,) = bench.run([])["runners"]
    assert (shown["id"], shown["runner_name"], shown["url"]) == (0, "", "")


def test_marks_of_a_drain_are_shown_and_taken_back(bench: Bench, tmp_path: pathlib.Path) -> None:
    bench.container("linux-1")
    bench.container("linux-2")
    state = {"state_dir": str(tmp_path / "state")}
    predicted = bench.run([], check=True, drain=True, only=["linux-2"], **state)
    assert predicted["changed"] and not (tmp_path / "state").exists()
    done = bench.run([], drain=True, only=["linux-2"], **state)
    assert (done["steps"], done["diff"]) == (predicted["steps"], predicted["diff"])
    assert done["steps"] == [{"resource": "linux-2", "action": "drain", "detail": ""}]
    assert {one["name"]: one["drained"] for one in done["runners"]} == {"linux-1": False, "linux-2": True}
    assert not bench.run([], drain=True, only=["linux-2"], **state)["changed"]
    back = bench.run([], drain=False, **state)
    assert back["changed"] and not any(one["drained"] for one in back["runners"])
