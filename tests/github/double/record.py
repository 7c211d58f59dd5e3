# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exchanges in a file, a line of JSON each, for a judge that comes later."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable

from .server import Exchange

#: Names the file to which the tests add theirs; not set, nothing is written.
VARIABLE = "MAC_RUNNERS_EXCHANGES"
_BYTES = ("request_body", "body")


def keep(exchanges: Iterable[Exchange]) -> None:
    """Add to the file, if one is wanted."""
    path = os.environ.get(VARIABLE)
    if not path:
        return
    with open(path, "a", encoding="utf-8") as file:
        for one in exchanges:
            entry = dataclasses.asdict(one)
            entry.update({name: entry[name].decode("latin-1") for name in _BYTES}, request_headers=dict(one.request_headers), headers=dict(one.headers))
            file.write(json.dumps(entry) + "\n")


def read(path: str) -> list[Exchange]:
    with open(path, encoding="utf-8") as file:
        entries = [json.loads(line) for line in file]
    return [Exchange(**{**entry, **{name: entry[name].encode("latin-1") for name in _BYTES}}) for entry in entries]
