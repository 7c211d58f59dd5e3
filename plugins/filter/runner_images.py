# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: runner_images
short_description: List the images that slots start runners from
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Returns the images of the ephemeral pools of one isolation whose runners slots run, each once, so that they can be fetched before
    the first job needs one.
positional: isolation, github, capacity
options:
  _input:
    description: C(mac_runners_pools) of a Mac.
    type: list
    elements: dict
    required: true
  isolation:
    description: Whose images.
    type: str
    choices: [tart, docker]
    required: true
  github:
    description: C(mac_runners_github) of the Mac.
    type: dict
    default: {}
  capacity:
    description: C(mac_runners_capacity), from which a pool takes what it does not say itself.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show what is fetched
  ansible.builtin.debug:
    msg: "{{ mac_runners_pools | action_packer.mac_runners.runner_images('docker', mac_runners_github) }}"
"""

RETURN = r"""
_value:
  description: The images.
  type: list
  elements: str
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_settings import images_of, parse_github
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import plain
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._pools import pools_of


def runner_images(pools: t.Any, isolation: str, github: t.Any = None, capacity: t.Any = None) -> list[str]:
    """List the images that slots need; see DOCUMENTATION."""
    try:
        return images_of(pools_of(pools, capacity), parse_github(plain(github)), isolation)
    except MacRunnersError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter runner_images."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"runner_images": runner_images}
