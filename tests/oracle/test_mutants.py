# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Oracle against core in small portions, for the mutation tests: most wrong cores are found out by the first of them."""

from __future__ import annotations

import pytest

from tests.oracle import compare

PORTIONS = [(1, 100), (101, 300)]


@pytest.mark.parametrize(("first", "count"), PORTIONS)
def test_oracle_and_core_agree(first: int, count: int) -> None:
    assert not next((found for seed in range(first, first + count) if (found := compare.check(seed))), None)
