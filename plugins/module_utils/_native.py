# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Which native isolations have something on a Mac, so that a play visits the roles that take it away when no pool wants it."""

from __future__ import annotations

import os
import pwd
import types
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import has_our_name

_PLACES = types.MappingProxyType({"sandbox": "/opt/mac_runners/sandbox", "chroot": "/opt/mac_runners/jails"})


def tell_native(places: t.Mapping[str, str] = _PLACES) -> t.List[str]:
    """Isolations by name, sorted. What is whose the roles see; nothing is started, and a name is enough here."""
    found = [isolation for isolation, path in places.items() if os.path.isdir(path)]
    return sorted(found + (["account"] if any(has_our_name(user.pw_name) for user in pwd.getpwall()) else []))
