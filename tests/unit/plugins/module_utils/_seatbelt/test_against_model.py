# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A few policies of tests/seatbelt, with fixed seeds, on the Python of a Mac too. The long run is there."""

from __future__ import annotations

import pytest

from tests.seatbelt import compare


@pytest.mark.parametrize("seed", [1, 1001, 2001, 3001])
def test_profiles_and_model_agree_and_slots_do_not_interfere(seed):
    tally = compare.compare(seed, 40)
    assert not tally.failures, "\n".join(tally.failures[:5])
    assert tally.policies >= 40 and tally.refused < 8 and min(tally.verdicts.values()) >= 40
