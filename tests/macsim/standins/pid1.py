# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""First process of a simulated Mac: pid1.py LISTENING_SSH_SOCKET READY_PIPE."""

from __future__ import annotations

import sys

sys.path.insert(0, "/System/Library/macsim")

from standins.launchd.daemon import main  # noqa: E402  (the path has to be set first)

main(int(sys.argv[1]), int(sys.argv[2]))
