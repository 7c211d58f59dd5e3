# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JIT config and the token stay where they belong: process tables, files, logs and what the engine tells are searched."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import threading
import time

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.updates import without_updates

#: The first letters are those of every config: base 64 of JSON. What the slot changes in one comes after these.
PART = slice(40, 120)


class Sampler(threading.Thread):
    """Reads every argument list of the machine again and again."""

    def __init__(self, secrets):
        super().__init__(daemon=True)
        self.secrets, self.found, self.rounds, self.done = secrets, [], 0, False

    def run(self):
        while not self.done:
            for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    words = path.read_bytes().decode("utf-8", "replace")
                except OSError:
                    continue
                self.found += [words for secret in self.secrets() if secret in words]
            self.rounds += 1
            time.sleep(0.005)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_what):
        self.done = True
        self.join()


def holding(folder, secret):
    """The files that hold a secret."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path.name for path in files if secret.encode() in path.read_bytes()]


def test_the_sampler_is_awake():
    with Sampler(lambda: ["a-canary-in-plain-sight"]) as sampler:
        subprocess.run([sys.executable, "-c", "import time; time.sleep(1)", "a-canary-in-plain-sight"], check=True)
    assert sampler.found


def test_the_part_that_is_looked_for_is_what_a_runner_gets(broker):
    broker.scope.register_jit({"name": "any", "labels": [], "runner_group_id": 1})
    config = broker.scope.configs[0]
    assert without_updates(config)[PART] == config[PART] and without_updates(config) != config


def test_config_and_token_are_in_no_argument_list_file_log_or_inspection(mac, broker):
    mode = "import os; print([oct(os.stat('/home/runner/' + n).st_mode & 0o777) for n in ('.runner', '.credentials', '.credentials_rsaparams')])"
    folder = mac.slot()
    seen = []
    with Sampler(lambda: [mac.token, *(config[PART] for config in broker.scope.configs)]) as sampler:
        job = broker.queue(f'python3 -c "{mode}"', "umask; sleep 2; env")
        mac.start(folder)
        mac.wait_for(folder, "job")
        seen.append(json.dumps(mac.api.inspect_container("mac-runners-linux-1")))
        seen.append(mac.api.logs("mac-runners-linux-1").decode())
        mac.finish(job)
        mac.drain(folder)
        mac.wait_for(folder, "drained")
    assert sampler.rounds > 20 and sampler.found == []
    config, key = broker.scope.configs[0], next(iter(broker.scope.keys))
    for secret in (config[PART], key, mac.token):
        assert [text for text in [*seen, job.output, *job.steps] if secret in text] == []
    assert (holding(mac.folder, config[PART]), holding(mac.folder, key), holding(mac.folder, mac.token)) == ([], [], ["token"])
    assert "['0o600', '0o600', '0o600']" in job.output, "files of the runner that other users could read"
    assert "0022" in job.output.splitlines(), "not the umask that jobs have at GitHub"


def test_other_users_in_a_container_read_what_a_job_makes_and_no_credential(mac, broker):
    job = broker.queue("echo made > file; sleep 10")
    folder = mac.slot()
    mac.start(folder)
    mac.wait_for(folder, "job")
    look = "until cat _work/file; do sleep 0.1; done; for name in .runner .credentials .credentials_rsaparams; do cat $name && echo seen; done; true"
    started = mac.api.exec_create("mac-runners-linux-1", ["/bin/sh", "-c", look], user="2000", workdir="/home/runner")
    said = mac.api.exec_start(started["Id"]).decode()
    mac.finish(job)
    assert said.count("Permission denied") == 3 and not {"seen"} & set(said.split()) and "made" in said.splitlines(), said


def test_nothing_of_a_slot_can_be_read_by_others(mac, broker):
    folder = mac.slot()
    job = broker.queue("echo done")
    mac.start(folder)
    mac.finish(job)
    mac.drain(folder)
    mac.wait_for(folder, "drained")
    made = [path for path in folder.rglob("*") if path.name not in ("settings.json", "drain")]
    assert len(made) >= 4
    assert [path.name for path in made if path.stat().st_mode & 0o077] == []
