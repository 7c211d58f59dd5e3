# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Bringing the sandbox profiles of a Mac to what is asked for, in this order: read, lint, try, install, switch, remove."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.sandbox_store import apply_profiles, plan_profiles, read_store
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.sandbox_trial import tried
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.sandbox_wanted import SandboxError, Wanted, parse_profiles
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.system import parse_sw_vers
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan

SW_VERS = "/usr/bin/sw_vers"


class Done(t.NamedTuple):
    """What was asked for, what was done of it or in check mode would be, and what there is to warn of."""

    wanted: t.List[Wanted]
    plan: ResourcePlan
    warnings: t.List[str]


def converge(run: Run, entries: t.Sequence[t.Mapping[str, t.Any]], root: str, purge: bool, state_dir: str, check: bool) -> Done:
    """Install the profiles; raises before anything is changed if one of them is wrong."""
    wanted = parse_profiles(entries, root, _macos(run) if any(entry.get("state") != "absent" for entry in entries) else "26.0")
    plan = plan_profiles(root, wanted, read_store(root, wanted), purge)
    warnings = tried(run, wanted)
    if plan.changed and not check:
        from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import mac_lock

        with mac_lock("sandbox_profiles", state_dir):
            plan = plan_profiles(root, wanted, read_store(root, wanted), purge)
            apply_profiles(root, wanted, plan)
    return Done(wanted, plan, warnings)


def _macos(run: Run) -> str:
    """The version by whose tables profiles are judged: the Mac's own."""
    macos = parse_sw_vers(run([SW_VERS]).stdout).get("macos", "")
    if not macos:
        raise SandboxError(f"{SW_VERS} does not say the version of macOS, and profiles are for a Mac only")
    return str(macos)
