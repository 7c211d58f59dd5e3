# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pid_of.py NAME: the first process of a simulated Mac, from what `macsim list` prints."""

from __future__ import annotations

import json
import sys

print(next(mac["pid"] for mac in json.load(sys.stdin) if mac["name"] == sys.argv[1]))
