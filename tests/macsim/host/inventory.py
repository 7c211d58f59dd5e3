# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Ansible inventory of booted Macs, as YAML written by hand: the host side has the standard library only."""

from __future__ import annotations

import json

from host.layout import Instance


def render(instances: list[Instance]) -> str:
    """Group ``macs`` with everything that ssh and Ansible need."""
    lines = ["---", "macs:", "  hosts:"]
    for instance in instances:
        lines.append(f"    {instance.name}:")
        for key, value in _variables(instance).items():
            lines.append(f"      {key}: {json.dumps(value)}")
    if not instances:
        lines[-1] += " {}"
    return "\n".join(lines) + "\n"


def _variables(instance: Instance) -> dict[str, object]:
    options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o IdentitiesOnly=yes"
    return {
        "ansible_host": instance.host,
        "ansible_port": instance.port,
        "ansible_user": instance.user,
        "ansible_ssh_private_key_file": instance.key,
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_become": True,
        "ansible_pipelining": True,
        "ansible_host_key_checking": False,
        "ansible_ssh_common_args": options,
    }
