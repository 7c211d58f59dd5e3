# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The package: its files, its words, its exit codes; and runners of it at a local GitHub."""

from __future__ import annotations

import json
import pathlib
import signal
import subprocess
import sys
import urllib.request

import build
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
JIT = {"name": "mac-1-a-00000001", "runner_group_id": 1, "labels": ["self-hosted", "macOS", "ARM64"]}
PAST = "2026-01-01T00:00:00+00:00"


@pytest.fixture
def url(github, broker):
    return f"{github.url}/acme"


@pytest.fixture
def token(github, broker):
    return broker.scope.mint()


def states(broker):
    return [(runner.name, runner.online, runner.job) for runner in broker.scope.runners.values()]


def test_the_same_version_is_the_same_bytes_on_every_python():
    script = f"import sys; sys.path.insert(0, {str(ROOT / 'tests' / 'runner')!r}); import build; sys.stdout.buffer.write(build.tarball('2.336.0'))"
    other = subprocess.run(["/usr/bin/python3", "-I", "-c", script], check=True, capture_output=True).stdout
    assert other == build.tarball("2.336.0") != build.tarball("2.337.0")


def test_it_is_laid_out_as_the_real_one_and_knows_its_version(unpack):
    package = unpack("2.336.0")
    found = {str(path.relative_to(package.folder)) for path in package.folder.rglob("*") if path.is_file()}
    assert {"config.sh", "run.sh", "env.sh", "run-helper.sh.template", "bin/Runner.Listener", "bin/Runner.Worker", "bin/runsvc.sh"} <= found
    assert package.run("bin/Runner.Listener", "--version") == (0, "2.336.0\n")
    assert package.run("bin/Runner.Listener", "warmup") == (0, "")


def test_the_program_that_builds_says_what_it_wrote(tmp_path):
    done = subprocess.run([sys.executable, ROOT / "tests/runner/build.py", "2.337.0", tmp_path], check=True, capture_output=True, text=True)
    path, digest = done.stdout.split()
    assert pathlib.Path(path).name == "actions-runner-osx-arm64-2.337.0.tar.gz" and len(digest) == 64
    assert subprocess.run([sys.executable, ROOT / "tests/runner/build.py", "2.337.0", tmp_path, "osx-ppc"], check=False, capture_output=True).returncode == 64


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("config.sh", ["--colour", "red"]),
        ("config.sh", ["--url"]),
        ("config.sh", ["remove", "--replace"]),
        ("bin/Runner.Listener", ["run", "--jitconfigs", "x"]),
        ("bin/Runner.Listener", ["fly"]),
    ],
)
def test_words_that_it_does_not_know_fail(package, program, arguments):
    code, output = package.run(program, *arguments)
    assert code == 1 and "Unrecognized command-line input arguments" in output


def test_root_is_refused_by_config_and_run_ends_with_0_all_the_same(package):
    assert package.run("config.sh", "--unattended", RUNNER_ALLOW_RUNASROOT="") == (1, "Must not run with sudo\n")
    code, output = package.run("run.sh", RUNNER_ALLOW_RUNASROOT="")
    assert code == 0 and "Must not run interactively with sudo" in output


def test_not_configured_is_1_and_0_of_run_sh(package):
    assert package.run("bin/Runner.Listener", "run")[0] == 1
    code, output = package.run("run.sh")
    assert code == 0 and "Not configured" in output


@pytest.mark.parametrize("config", ["%%%", "e30", "bm90IGpzb24="])
def test_a_jit_config_that_is_none_is_1(package, config):
    assert package.run("bin/Runner.Listener", "run", "--jitconfig", config)[0] == 1


def test_config_registers_and_remove_takes_it_away(github, broker, url, token, package):
    code, output = package.configure(url, token, "--labels", "xcode-26,SELF-HOSTED", "--disableupdate")
    assert code == 0 and "Settings Saved" in output
    runner = broker.scope.find("mac-1-a")
    assert (runner.labels[0], runner.labels[-1], runner.ephemeral) == (("self-hosted", "read-only"), ("xcode-26", "custom"), False)
    assert package.files() == {".runner", ".credentials", ".credentials_rsaparams"}
    assert (package.folder / ".credentials_rsaparams").stat().st_mode & 0o777 == 0o600
    settings = json.loads((package.folder / ".runner").read_text())
    assert (settings["AgentId"], settings["DisableUpdate"], settings["GitHubUrl"]) == (runner.id, True, url)
    assert package.configure(url, token)[0] == 1, "it is configured already"
    code, output = package.run("config.sh", "remove", "--token", broker.scope.mint("remove"))
    assert code == 0 and "Runner removed successfully" in output
    assert (broker.scope.runners, package.files()) == ({}, set())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"token": "AWRONG"}, "404"),
        ({"url": ".git"}, "404"),
        ({"group": "nobody"}, 'Could not find any self-hosted runner group named "nobody"'),
        ({"labels": "x" * 257}, "more than 256 characters"),
    ],
)
def test_what_config_refuses_leaves_nothing(broker, url, token, package, change, said):
    more = [*(["--runnergroup", change["group"]] if "group" in change else []), *(["--labels", change["labels"]] if "labels" in change else [])]
    code, output = package.configure(url + change.get("url", ""), change.get("token", token), *more)
    assert code == 1 and said in output
    assert (broker.scope.runners, package.files()) == ({}, set())


def test_an_expired_token_and_one_for_removing_register_nothing(github, broker, url, token, package):
    assert package.configure(url, broker.scope.mint("remove"))[0] == 1
    github.world.offset = 3601
    assert package.configure(url, token)[0] == 1
    assert broker.scope.runners == {}


def test_a_version_below_the_floor_or_past_its_day_does_not_register(github, broker, url, token, unpack):
    code, output = unpack("2.328.0").configure(url, token)
    assert code == 1 and "deprecated" in output
    github.world.deprecations["2.337.0"] = {"registration_deprecates_at": PAST}
    assert unpack().configure(url, token)[0] == 1
    assert broker.scope.runners == {}


def test_replace_takes_the_place_of_an_earlier_runner_whose_key_is_worth_nothing_then(broker, url, token, unpack):
    first, second = unpack(), unpack()
    assert first.configure(url, token)[0] == 0
    code, output = second.configure(url, token)
    assert code == 1 and "A runner exists with the same name mac-1-a." in output
    assert second.configure(url, token, "--replace")[0] == 0
    assert len(broker.scope.runners) == 1
    code, output = first.run("bin/Runner.Listener", "run")
    assert code == 1 and "registration has been deleted" in output


def test_a_persistent_runner_has_many_jobs_and_ends_with_0_once_it_is_deleted(github, broker, url, token, package, waiting):
    assert package.configure(url, token)[0] == 0
    process = package.start("bin/Runner.Listener", "run")
    jobs = [broker.queue("pwd; id -u", name=f"job-{number}") for number in range(3)]
    waiting("the jobs", lambda: all(job.result for job in jobs))
    assert [(job.result, job.runs) for job in jobs] == [("Succeeded", ["mac-1-a"])] * 3
    assert jobs[0].output == f"{package.folder}/_work\n0\n"
    waiting("idle", lambda: states(broker) == [("mac-1-a", True, False)])
    request = urllib.request.Request(f"{github.url}/api/v3/orgs/acme/actions/runners/1", method="DELETE")
    token = github.world.token().text
    for name, text in {"User-Agent": "x", "Accept": "x/y", "X-GitHub-Api-Version": "2022-11-28", "Authorization": f"Bearer {token}"}.items():
        request.add_header(name, text)
    assert urllib.request.urlopen(request).status == 204
    assert process.wait(timeout=20) == 0
    assert package.files() == set() and "no longer exists on the server" in process.stdout.read()


def test_a_jit_runner_has_one_job_and_its_files_have_the_mode_of_the_umask(broker, package):
    _runner, config = broker.scope.register_jit(JIT)
    job = broker.queue("ls -la ..; echo $GITHUB_ACTIONS; env", labels=["macos"])
    code, output = package.run("run.sh", ACTIONS_RUNNER_INPUT_JITCONFIG=config)
    assert code == 0 and [marker for marker in ("Connected to GitHub", "Listening for Jobs", "Running job: build") if marker not in output] == []
    assert (job.result, broker.scope.runners, package.files()) == ("Succeeded", {}, set())
    assert "-rw-r--r--" in next(line for line in job.output.splitlines() if line.endswith(".credentials_rsaparams"))
    assert {path.name.split("_")[0] for path in (package.folder / "_diag").iterdir()} == {"Runner", "Worker"}
    assert config not in job.output, "the listener leaves its config in the environment"
    code, output = package.run("bin/Runner.Listener", "run", "--jitconfig", config)
    assert code == 1 and "registration has been deleted" in output, "a used config"


def test_a_job_goes_to_a_runner_with_its_labels_only(broker, url, token, package, waiting):
    assert package.configure(url, token, "--labels", "a")[0] == 0
    package.start("bin/Runner.Listener", "run")
    other, ours = broker.queue("true", labels=["b"]), broker.queue("false", labels=["A"])
    waiting("the second job", lambda: ours.result)
    assert (ours.result, other.runs) == ("Failed", [])


def test_a_version_that_github_no_longer_takes_is_7_only_when_asked_for(github, broker, url, token, package):
    assert package.configure(url, token)[0] == 0
    github.world.deprecations["2.337.0"] = {"runtime_deprecates_at": PAST}
    asked = {"ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE": "1"}
    assert package.run("bin/Runner.Listener", "run")[0] == 1
    assert package.run("bin/Runner.Listener", "run", **asked)[0] == 7
    assert package.run("run.sh")[0] == 0
    assert package.run("run.sh", **asked)[0] == 7


def test_two_listeners_of_one_runner_are_5_and_0_of_run_sh(broker, url, token, package, waiting):
    assert package.configure(url, token)[0] == 0
    package.start("bin/Runner.Listener", "run")
    waiting("the first", lambda: broker.sessions)
    assert package.run("bin/Runner.Listener", "run")[0] == 5
    assert package.run("run.sh")[0] == 0


def test_a_signal_cancels_the_job_and_ends_with_0(broker, url, token, package, waiting):
    assert package.configure(url, token)[0] == 0
    process = package.start("bin/Runner.Listener", "run")
    job = broker.queue("sleep 600")
    waiting("the job", lambda: job.runs)
    waiting("its step", lambda: list((package.folder / "_work").glob("*")) or (package.folder / "_work").exists())
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    assert (job.result, broker.sessions, states(broker)) == ("Canceled", {}, [("mac-1-a", False, False)])
    assert package.files() != set(), "it is still configured"


def test_the_job_of_a_runner_that_was_killed_is_lost(broker, url, token, package, waiting, monkeypatch):
    from double import broker as module

    monkeypatch.setattr(module, "SILENCE", 2.0)
    assert package.configure(url, token)[0] == 0
    process = package.start("bin/Runner.Listener", "run")
    job = broker.queue("sleep 600")
    waiting("the job", lambda: job.runs)
    process.kill()

    def lost():
        with broker.github.lock:
            broker.tidy()
        return job.result

    waiting("the loss", lost)
    assert (job.result, broker.scope.jobs_lost, states(broker)) == ("Lost", 1, [("mac-1-a", False, False)])


def test_an_offer_that_nobody_takes_is_made_again(broker, url, token, package, waiting):
    """The first runner dies between being offered the job and taking it."""
    assert package.configure(url, token)[0] == 0
    _runner, config = broker.scope.register_jit(JIT)
    first = broker.scope.find(JIT["name"])
    job = broker.queue("true")
    key = next(text for text, number in broker.scope.keys.items() if number == first.id)
    session = broker.answer("POST", "/session", {}, key, {"agent": {"version": "2.337.0"}})[1]["sessionId"]
    assert broker.answer("GET", "/message", {"sessionId": session}, key, {})[0] == 200
    package.start("bin/Runner.Listener", "run")
    waiting("the job", lambda: job.result)
    assert (job.result, job.runs) == ("Succeeded", ["mac-1-a"])


def test_hooks_and_the_environment_of_its_folder_are_part_of_a_job(broker, url, token, package, waiting):
    assert package.configure(url, token)[0] == 0
    hook = package.folder / "hook.sh"
    hook.write_text("echo hook $COLOUR\n")
    (package.folder / ".env").write_text(f"COLOUR=red\nACTIONS_RUNNER_HOOK_JOB_STARTED={hook}\n")
    package.start("bin/Runner.Listener", "run")
    job = broker.queue("echo step")
    waiting("the job", lambda: job.result)
    assert job.output == "hook red\nstep\n"
