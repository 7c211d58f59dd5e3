# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What keeps a persistent runner in a macOS guest: a LaunchAgent of the guest's user, who is logged in wherever the guest's agent answers.

It is no LaunchDaemon, since that needs root in the guest and has neither the user's session nor keychain, which builds of apps use. The
runner's own C(svc.sh) is not used: its service is not started again when the runner ends.
"""

from __future__ import annotations

import plistlib
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import LABEL_PREFIX

LABEL = LABEL_PREFIX + "runner"

#: Runs the listener whenever the runner is registered; ``$1`` is where the runner is. launchd's signal lets it say goodbye to GitHub.
#: The PATH is that of the time when it was configured, as the runner's own service has it.
_KEEPER = """child=
trap 'kill "$child" 2>/dev/null; wait; exit 0' TERM INT
while :; do
    pause=2
    if cd && cd "$1" 2>/dev/null && [ -s .runner ] && [ -s .credentials_rsaparams ]; then
        if [ -s .path ]; then PATH=$(cat .path); export PATH; fi
        ./bin/Runner.Listener run < /dev/null &
        child=$!
        if wait "$child"; then pause=5; else pause=30; fi
    fi
    sleep "$pause" &
    child=$!
    wait "$child"
done"""


def agent(runner_dir: str) -> t.Dict[str, t.Any]:
    """Its property list."""
    return {
        "Label": LABEL,
        "ProgramArguments": ["/bin/sh", "-c", _KEEPER, "mac-runners-runner", runner_dir],
        "RunAtLoad": True,
        "KeepAlive": True,
        "ExitTimeOut": 60,
        # The default class is throttled in CPU and I/O.
        "ProcessType": "Interactive",
    }


def agent_text(runner_dir: str) -> str:
    """The same as a file."""
    return plistlib.dumps(agent(runner_dir)).decode("ascii")
