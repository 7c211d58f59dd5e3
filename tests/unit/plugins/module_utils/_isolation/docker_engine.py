# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small Docker Engine for unit tests, as what changes containers sees it."""

from __future__ import annotations

import threading

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError


class Engine:
    """Keeps containers as fields by name, and every call; ``broken``: calls that fail."""

    def __init__(self, broken=(), dropped=None, platform="linux/arm64"):
        self.containers, self.calls, self.broken = {}, [], set(broken)
        self.dropped, self.platform, self._lock = dropped or {}, platform, threading.Lock()

    def _called(self, action, name):
        with self._lock:
            self.calls.append((action, name))
        if (action, name) in self.broken:
            raise MacRunnersError(f"cannot {action}")

    def pull(self, image):
        self._called("pull", image)
        return self.platform

    def create(self, spec):
        self._called("create", spec.name)
        self.containers[spec.name] = {**spec.fields, **self.dropped, "status": "created"}

    def fields(self, name):
        return self.containers[name]

    def update(self, spec):
        self._called("update", spec.name)
        self.containers[spec.name].update({**spec.limits, **self.dropped})

    def start(self, name):
        self._called("start", name)
        self.containers[name]["status"] = "running"

    unpause = start

    def stop(self, name):
        self._called("stop", name)

    def remove(self, name):
        self._called("remove", name)
        del self.containers[name]
