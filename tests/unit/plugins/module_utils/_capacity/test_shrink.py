# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sharing out bytes: against every possible share, and never for long."""

from __future__ import annotations

import itertools
import random
import time
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.shrink import Shrinkable, shrink

GIB = 1024**3


def by_trying(deficit: int, pools: t.Sequence[Shrinkable]) -> t.Optional[t.Dict[str, int]]:
    """Fewest bytes in all, then as much as possible from the pool whose name is first."""
    shares = itertools.product(*(range(pool.most + 1) if pool.runners else (0,) for pool in pools))
    ranked = sorted((sum(p.runners * s for p, s in zip(pools, share)), [-s for s in share]) for share in shares)
    for total, negative in ranked:
        if total >= deficit:
            return {pool.pool: -share for pool, share in zip(pools, negative) if share}
    return None


@pytest.mark.parametrize("seed", range(20))
def test_random_shares(seed: int) -> None:
    dice = random.Random(seed)
    for _number in range(60):
        pools = [Shrinkable(name, dice.randint(0, 6), dice.randint(0, 7)) for name in "abc"[: dice.randint(1, 3)]]
        deficit = dice.randint(-2, sum(pool.runners * pool.most for pool in pools) + 2)
        shuffled = dice.sample(pools, len(pools))
        wanted = by_trying(deficit, pools) if deficit > 0 else {}
        assert shrink(deficit, shuffled) == wanted, (deficit, pools)


@pytest.mark.parametrize(
    "pools",
    (
        [("a", 6, 8 * GIB), ("b", 10, 1), ("c", 15, 1), ("d", 6, 8 * GIB)],
        [("a", 6, 8 * GIB), ("b", 10, 1), ("d", 6, 8 * GIB)],
        [("a", 40, GIB), ("b", 39, GIB), ("c", 38, 7), ("d", 37, GIB), ("e", 36, 5), ("f", 35, 3)],
    ),
)
def test_gibibytes_are_shared_out_at_once(pools: t.Sequence[t.Tuple[str, int, int]]) -> None:
    """Totals that no share reaches must not be looked for byte by byte."""
    started = time.process_time()
    for deficit in (1, 2, GIB + 2, 3 * GIB + 1, 5 * GIB + 5):
        share = shrink(deficit, [Shrinkable(*pool) for pool in pools])
        assert share is not None
        taken = sum(count * share.get(name, 0) for name, count, _most in pools)
        assert deficit <= taken < deficit + 41
    assert time.process_time() - started < 2
