# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

from __future__ import annotations


class ModuleDocFragment:
    """What a module of this collection can do, described once; a module adds only support and details."""

    # Every module names this one and states its support of the first three attributes, and its platforms.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the Mac.
  diff_mode:
    description: Returns details on what has changed (or what would change in C(check_mode)), when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that nothing else changed the Mac in the meantime.
  platform:
    description: Target operating systems that this action can run on.
    support: full
"""

    # For modules that only read.
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This action does not modify state.
  diff_mode:
    support: N/A
    details:
      - This action does not modify state.
  idempotent:
    support: full
    details:
      - This action does not modify state.
"""

    # For modules that only read and return ansible_facts.
    FACTS_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This action does not modify state.
  diff_mode:
    support: N/A
    details:
      - This action does not modify state.
  facts:
    description: Action returns an C(ansible_facts) dictionary that will update existing host facts.
    support: full
  idempotent:
    support: full
    details:
      - This action does not modify state.
"""

    # For modules that need macOS itself.
    PLATFORM_MACOS = r"""
options: {}
attributes:
  platform:
    description: Target operating systems that this action can run on.
    platforms: macos
    support: full
"""

    # For modules that need no more than a POSIX system, such as a Docker Engine's host.
    PLATFORM_POSIX = r"""
options: {}
attributes:
  platform:
    description: Target operating systems that this action can run on.
    platforms: posix
    support: full
"""

    ACTIONGROUP_MAC_RUNNERS = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/action_packer.mac_runners.mac_runners) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - action_packer.mac_runners.mac_runners
"""
