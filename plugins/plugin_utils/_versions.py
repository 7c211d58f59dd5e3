# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: its interface may change at any time.

"""What GitHub is to be asked about the runners of a fleet, and what its answers say."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.fleet import GITHUB, github_url
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.runner_versions import PIN, parse_pin, runner_of, target_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import parse_pools
from ansible_collections.action_packer.mac_runners.plugins.module_utils._runner_version import parse_version

#: What of a user's C(mac_runners_github) the module that asks takes under the same name.
_PASSED_ON = ("token", "app", "ca_path", "proxy")
_APP = ("client_id", "key_file", "key", "installation_id")


def versions_of(variables: t.Mapping[str, t.Any]) -> t.Iterator[t.Tuple[str, str]]:
    """Targets and versions of the package and the pools of a Mac where both are known; mistakes are the plan's business."""
    policy, _wrong = parse_policy(variables.get("mac_runners_capacity"))
    pools, _wrong = parse_pools(variables.get("mac_runners_pools"), policy)
    pin, _wrong = parse_pin(variables.get(PIN))
    default = github_url(variables)
    if pin and default:
        # Whoever installs the package asks for it too, whatever its pools are.
        yield default, pin
    for pool in pools:
        runner, url = runner_of(pool, pin), target_of(pool, default)
        if pool.count and runner is not None and url:
            yield url, runner.version


def credential_of(host: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """The options by which the target of a Mac is asked; empty without a credential."""
    github = host[GITHUB] if GITHUB in host else None
    if not isinstance(github, c.Mapping) or not (github.get("app") or github.get("token")):
        return {}
    given = {name: github[name] for name in _PASSED_ON if github.get(name)}
    if "app" in given:
        given["app"] = {name: given["app"][name] for name in _APP if given["app"].get(name)}
        given.pop("token", None)
    return given


def answer_of(result: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """One target's answers, from the result of C(github_runners_info)."""
    if result.get("failed") or "runner_versions" not in result:
        return {"runner_versions": [], "offered": "", "error": str(result.get("msg") or "it gave no answer")}
    offered = max((one["version"] for one in result.get("downloads", [])), key=parse_version, default="")
    return {"runner_versions": result["runner_versions"], "offered": offered, "error": ""}
