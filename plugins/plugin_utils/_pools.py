# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: its interface may change at any time.

"""Reading the pools of one Mac for a filter."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool, parse_pools


def pools_of(pools: t.Any, capacity: t.Any) -> tuple[Pool, ...]:
    """``mac_runners_pools`` read by the numbers of ``mac_runners_capacity``; raises AnsibleFilterError with every mistake."""
    policy, wrong = parse_policy(capacity)
    declared, wrong_pools = parse_pools(pools, policy)
    mistakes = [*wrong, *wrong_pools]
    if mistakes:
        raise AnsibleFilterError("; ".join(mistake.message for mistake in mistakes))
    return declared
