# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The log of a slot: one JSON object a line, which no text from outside can break in two."""

from __future__ import annotations

import json
import time
import typing as t

#: What tells the program where its log is, so that it notices when newsyslog has moved that away.
LOG_VARIABLE = "MAC_RUNNERS_SLOT_LOG"


def line(now: float, slot: str, event: str, fields: t.Mapping[str, t.Any]) -> str:
    """A line without its end; empty fields are left out."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    given = {name: value for name, value in fields.items() if value not in ("", None)}
    return json.dumps({"time": stamp, "slot": slot, "event": event, **given})
