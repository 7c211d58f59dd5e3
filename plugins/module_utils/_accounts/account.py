# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""A service user of ours: its name, number and home, and the marker by which it is known."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import OWNED_PREFIX, OWNER

#: Below are macOS's own users and people, above are those of directory services.
FIRST_UID, LAST_UID = 701, 29999
SHELLS = ("/usr/bin/false", "/bin/zsh", "/bin/bash", "/bin/sh")
_NAME = re.compile(re.escape(OWNED_PREFIX) + r"[a-z][a-z0-9-]*-[1-9][0-9]*\Z")


class AccountError(MacRunnersError):
    """An account that cannot be made, reset or removed."""


class Account(t.NamedTuple):
    """A service user that shall be; its group has the same name and number. ``quota``: bytes of the volume that its home is on, 0 for none."""

    name: str
    uid: int
    pool: str
    home: str
    shell: str = SHELLS[0]
    template: str = ""
    quota: int = 0

    @property
    def slot(self) -> str:
        """The slot whose jobs it runs."""
        return self.name[len(OWNED_PREFIX) :]


def marker_of(name: str) -> str:
    """What is in the record of a user or a group of ours; the slot is in it, so that a record somebody renamed is theirs."""
    return f"{OWNER} {name[len(OWNED_PREFIX) :]}"


def is_ours(name: str, marker: str) -> bool:
    """Whether a user or a group is ours: by name and by marker."""
    return has_our_name(name) and marker == marker_of(name)


def has_our_name(name: str) -> bool:
    """Whether a user or a group is called as ours are; that alone does not make it ours."""
    return _NAME.match(name) is not None
