# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The capacity plan of one Mac: a pure function of its situation."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.checks import check_all, warn_all
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.ledger import build_ledger
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.model import MacPlan, Situation, Violation
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Mistake


def plan_mac(situation: Situation, mistakes: t.Sequence[Mistake] = ()) -> MacPlan:
    """Plan one Mac; ``mistakes`` are what could not be read of its variables."""
    ledger = build_ledger(situation)
    violations = [Violation(m.check, m.pool, None, None, m.message) for m in mistakes]
    violations.extend(check_all(situation, ledger))
    warnings = list(warn_all(situation))
    if not situation.pools and not mistakes:
        warnings.append("no pools are declared in mac_runners_pools: nothing is planned here")
    return MacPlan(ledger, tuple(violations), tuple(warnings))
