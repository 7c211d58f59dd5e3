# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""lives.py PROGRAM run FOLDER: the slot program, to which every runner has lived long."""

import sys

sys.path.insert(0, sys.argv[1])

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot import cycle  # noqa: E402
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot import program  # noqa: E402

cycle.SHORT_LIFE = 0.0
sys.exit(program.main(sys.argv[1:]))
