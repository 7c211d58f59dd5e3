# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only places where a secret may be, each with its reason."""

from __future__ import annotations

import dataclasses
import re

from tests.canary.find import Find

CREDENTIALS = frozenset({"API token", "App key"})
RUNNERS_OWN = frozenset({"runner key"})
PROXY = frozenset({"proxy password"})
JIT = frozenset({"JIT config"})
REGISTRATION = frozenset({"registration token"})
ANY = frozenset({*CREDENTIALS, *RUNNERS_OWN, *JIT, "installation token", "registration token", "private key"})


@dataclasses.dataclass(frozen=True)
class Allowed:
    """``place`` matches the whole of it. ``private``: nobody but root and the owner may be able to read the file; ``root``: who is its owner."""

    place: str
    kinds: frozenset[str]
    reason: str
    private: bool = True
    root: bool = False

    def holds(self, find: Find) -> bool:
        is_file = find.owner >= 0
        fits = find.kind in self.kinds and re.fullmatch(self.place, find.place, re.DOTALL) is not None
        return fits and not (is_file and self.private and not find.private) and not (self.root and find.owner != 0)


#: config.sh, the program that it becomes, and what env.sh needs, by name or by whole path (a simulated Mac starts its own tools with Python).
_RUNNER = r"(\.|/[^ ']+/(home/runner|actions-runner))"
_CONFIG_SH = rf"(\S+ )*{_RUNNER}/(config\.sh|bin/Runner\.Listener configure) [^']*"
_CONFIGURES = rf"{_CONFIG_SH}|(\S+ )*(\S*/)?id -u|dirname {_RUNNER}/config\.sh|touch \.env|grep -q \S+ \.env"

ALLOWED = (
    Allowed(
        r"environment of '[^']*\bRunner\.Listener run( [^']*)?' \(uid ([1-9]\d*|\?)\): ACTIONS_RUNNER_INPUT_JITCONFIG",
        JIT,
        "the runner takes its JIT config from there; its workers and jobs have it no more",
    ),
    Allowed(
        rf"environment of '({_CONFIGURES})' \(uid ([1-9]\d*|\?)\): ACTIONS_RUNNER_INPUT_TOKEN",
        REGISTRATION,
        "config.sh of a persistent runner takes its registration token from there, before any job runs; what it starts inherits it",
    ),
    Allowed(
        r"file Mac \S+: /private/var/db/mac_runners/credentials/.*",
        CREDENTIALS,
        "the credential with which the slots of a Mac register runners: for root alone",
        root=True,
    ),
    Allowed(
        r"environment of '[^']*' \(uid [1-9]\d*\): https?_proxy",
        PROXY,
        "runners and their jobs reach GitHub through it: whoever gives a proxy with a password gives it to them too",
    ),
    Allowed(
        r"file Mac \S+: /private/var/db/mac_runners/slots/[^/]+/settings\.json",
        PROXY,
        "by which a slot reaches GitHub: its settings are for root alone",
        root=True,
    ),
    Allowed(
        r"file (Mac \S+: |/tmp/mac-runners-engine\.).*/(home/runner|actions-runner|mac-runners-[^/]+/work/runner)/\.credentials_rsaparams",
        RUNNERS_OWN,
        "the runner's own key, in its own container, guest or home, for itself",
    ),
    Allowed(r"file /tmp/(.*/(registration-)?token|mac-runners-[^/]+/\d+)", REGISTRATION, "registration_token_file, on the controller during a play"),
    Allowed(r"file /tmp/(\S*/)?inventory/(group_vars|host_vars)/\S+\.yml", CREDENTIALS | PROXY, "what an operator wrote into the inventory", private=False),
    Allowed(r"file /tmp/pytest-of-[^/]+/\S*/(inventory|hosts)\.yml", CREDENTIALS, "an inventory in one file", private=False),
    Allowed(r"file /tmp/pytest-of-[^/]+/\S*/(app|server)\S*\.pem", ANY, "the key file of an operator, or of the tests' own server with TLS", private=False),
    Allowed(r"file /tmp/pytest-of-[^/]+/\S*/(token|secrets\.json|key\.pem)", CREDENTIALS, "what a test gives to what it tests", private=False),
)


def reason(find: Find) -> str:
    """Why it may be there; empty when it may not."""
    return next((one.reason for one in ALLOWED if one.holds(find)), "")
