# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A local GitHub: the part of its REST API about self-hosted runners, with a state, faults and lies. Shares no code with the collection."""
