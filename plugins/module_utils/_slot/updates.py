# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""A runner of ours never updates itself: it would end instead of taking a job, and so would the one after it, from the same image.

GitHub's API has no field for that. A JIT config is the runner's files in base 64, and one of them holds its settings.
"""

from __future__ import annotations

import base64
import json
import typing as t

_SETTINGS = ".runner"
_FIELD = "DisableUpdate"


def without_updates(config: str) -> str:
    """The same JIT config with updates switched off; as it was given where it is none that we know. Nothing of it is ever shown."""
    try:
        files = _decoded(config)
        # Runners read the names of their settings without regard to case.
        settings = {name: value for name, value in _decoded(files[_SETTINGS]).items() if name.lower() != _FIELD.lower()}
        return _encoded({**files, _SETTINGS: _encoded({**settings, _FIELD: True})})
    except (ValueError, KeyError, TypeError, AttributeError):
        return config


def _decoded(text: str) -> t.Dict[str, t.Any]:
    # A runner writes its settings with a mark of the byte order.
    return t.cast("t.Dict[str, t.Any]", json.loads(base64.b64decode(text, validate=True).decode("utf-8-sig")))


def _encoded(content: t.Mapping[str, t.Any]) -> str:
    return base64.b64encode(json.dumps(content).encode("utf-8")).decode("ascii")
