# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_status
short_description: Compare what is on each Mac with what is declared
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Takes the variables of every Mac, with the facts that M(action_packer.mac_runners.mac_facts) measured, and returns
    every slot with its state, and what is on the Mac beside the slots.
  - Where a play registered what M(action_packer.mac_runners.runner_registrations) returned as C(status_registrations), persistent runners
    tell whether they are registered, run a job or are drained.
positional: format
options:
  _input:
    description: Host name to the variables of that host.
    type: dict
    required: true
  format:
    description:
      - The value V(data) returns data, the value V(text) a table for a terminal.
    type: str
    choices: [data, text]
    default: data
"""

EXAMPLES = r"""
- name: Measure the Mac
  action_packer.mac_runners.mac_facts:
  become: true

- name: Stop when a slot is not as declared
  ansible.builtin.assert:
    that: "(hostvars | action_packer.mac_runners.fleet_status).as_declared"
  run_once: true
"""

RETURN = r"""
_value:
  description: The status, or its text.
  type: raw
  contains:
    as_declared:
      description: Whether every slot that this release builds runs, and nothing of ours is left over.
      type: bool
    macs:
      description:
        - By host name, C(slots) (each with C(slot), C(isolation), C(level), C(state), C(as_declared), C(note)),
          C(holder), the fleet that holds the Mac, and C(unread), what could not be read on it.
      type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._facts import parse_facts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.fleet import MEASURED
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import parse_pools
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_settings import names_of, parse_github
from ansible_collections.action_packer.mac_runners.plugins.module_utils._status import (
    status_rows,
    status_text,
)
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import plain, variables_of


def fleet_status(fleet: t.Mapping[str, t.Mapping[str, t.Any]], format: str = "data") -> t.Any:
    """The status of every Mac of ``fleet``; see RETURN for its shape."""
    if format not in ("data", "text"):
        raise AnsibleFilterError(f"fleet_status: got format {format!r}; allowed: data, text")
    macs = {str(name): _status(str(name), variables_of(host), host) for name, host in fleet.items()}
    if format == "text":
        return status_text(macs)
    slots = [slot for mac in macs.values() for slot in mac["slots"]]
    unread = any(mac["unread"] for mac in macs.values())
    return {"as_declared": not unread and all(slot["as_declared"] is not False for slot in slots), "macs": macs}


def _status(name: str, variables: dict[str, t.Any], host: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    policy, wrong_policy = parse_policy(variables.get("mac_runners_capacity"))
    pools, wrong_pools = parse_pools(variables.get("mac_runners_pools"), policy)
    facts, wrong_facts = parse_facts(variables.get(MEASURED))
    mistakes = [*wrong_policy, *wrong_pools, *wrong_facts]
    if mistakes:
        raise AnsibleFilterError("; ".join(f"{name}: {mistake.message}" for mistake in mistakes))
    slots = plain(host.get("ansible_facts", {}).get("mac_runners_measured_slots") or [])
    try:
        expected = names_of(pools, parse_github(plain(host.get("mac_runners_github"))))
    except MacRunnersError as error:
        raise AnsibleFilterError(f"{name}: {error}") from error
    registrations = plain((host.get("status_registrations") or {}).get("runners") or [])
    rows = [row._asdict() for row in status_rows(pools, facts, slots, expected, registrations)]
    return {"slots": rows, "holder": facts.holder, "unread": list(facts.unread)}


class FilterModule:
    """The filter fleet_status."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"fleet_status": fleet_status}
