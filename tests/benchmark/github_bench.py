# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a play over a large fleet asks of GitHub: the sweep of the role runner over 100 Macs with 1 000 slots, with the key of an App."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "github"))

import identities  # noqa: E402
from double.server import LocalGithub  # noqa: E402
from double.state import App  # noqa: E402

SLOTS, MACS = 1000, 100
FLEET, CLIENT = "bench", "Iv23liBENCH"

Figure = tuple[str, float, float]


def run() -> list[Figure]:
    """(name, figure, limit): a figure above its limit is a failure."""
    with tempfile.TemporaryDirectory(prefix="github-bench-") as folder, LocalGithub() as github:
        _populate(github)
        _play(pathlib.Path(folder), _variables(github, pathlib.Path(folder)))
        lists, tokens = len(github.asked("GET", "/actions/runners")), len(github.asked("POST", "/access_tokens"))
        others = len(github.exchanges) - lists - tokens
        print(f"{SLOTS} slots on {MACS} Macs: {lists} lists, {tokens} tokens, {others} other requests", file=sys.stderr)
        if not lists or not tokens:
            raise RuntimeError("the play of the benchmark asked GitHub nothing: the figures would be those of something else")
        return [
            (f"play over {SLOTS} slots, requests for lists of runners", lists, 10),
            (f"play over {SLOTS} slots, tokens minted for the target", tokens, 1),
        ]


def _populate(github: LocalGithub) -> None:
    """Every slot has a runner at GitHub, which listens."""
    scope = github.world.scope("/orgs/acme")
    for number in range(SLOTS):
        name = f"mac-{number % MACS:03}-linux-{number // MACS + 1}-{number:08x}"
        scope.add(name, [f"managed-by:{FLEET}"], ephemeral=True).connect()


def _variables(github: LocalGithub, folder: pathlib.Path) -> dict[str, object]:
    """What the inventory says of all Macs."""
    key = identities.rsa_key()
    (folder / "key.pem").write_text(identities.pem(key))
    (folder / "key.pem").chmod(0o600)
    github.world.apps[CLIENT] = App(CLIENT, key.public_key(), 42, "/orgs/acme", {"organization_self_hosted_runners": "write"})
    pool = {"name": "linux", "isolation": "docker", "image": "runner:1", "count": SLOTS // MACS, "memory": "2GiB"}
    app = {"client_id": CLIENT, "key_file": str(folder / "key.pem")}
    return {"mac_runners_fleet": FLEET, "mac_runners_github": {"url": f"{github.url}/acme", "app": app}, "mac_runners_pools": [pool]}


def _play(folder: pathlib.Path, variables: dict[str, object]) -> None:
    """No Mac is visited: what is asked of GitHub is asked once, on the controller."""
    hosts = {f"mac-{number:03}": {} for number in range(MACS)}
    (folder / "hosts.json").write_text(json.dumps({"macs": {"hosts": hosts, "vars": variables}}))
    role = {"name": "Sweep", "ansible.builtin.import_role": {"name": "action_packer.mac_runners.runner", "tasks_from": "sweep"}}
    (folder / "play.yml").write_text(json.dumps([{"name": "Sweep", "hosts": "macs", "gather_facts": False, "tasks": [role]}]))
    # What is remembered of runners seen offline is in a home of its own.
    own = {"HOME": str(folder), "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"), "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    command = [str(ROOT / ".venv" / "bin" / "ansible-playbook"), "-i", str(folder / "hosts.json"), str(folder / "play.yml")]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **own}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0 or "changed=0 " not in done.stdout or "changed=1 " in done.stdout:
        raise RuntimeError(f"the sweep did something else than expected:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
