# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This program is PRIVATE to the collection: its interface may change at any time.

"""What the short-lived children do on this Mac: read the settings, look whether there is room. None of it needs GitHub."""

from __future__ import annotations

import hashlib
import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.record import SETTINGS_NAME
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.settings import parse_content, read_content, read_settings
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.command import run

Json = t.Dict[str, t.Any]


def settings(folder: str, request: Json) -> Json:
    """What the program itself needs of its settings, and their sha256; ``place``: where its environment is, empty without one."""
    content = read_content(folder)
    given = parse_content(content, os.path.join(folder, SETTINGS_NAME))
    answer = {**given.for_program(request["place"]), "sha256": hashlib.sha256(content).hexdigest()}
    there = given.at(request["place"])
    if "tart" in answer:
        from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.tart_tasks import exec_words

        answer["tart"]["exec"] = exec_words(there)
    if there.native:
        from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.native_tasks import for_program

        answer["native"] = for_program(there)
    return answer


def admission(folder: str, _request: Json) -> Json:
    """Raise unless the Mac's lease holds and this slot has room now."""
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import read_lease, require_admitted
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.reading import read_facts
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._room import require_room

    given = read_settings(folder)
    homes = [given.tart.tart_home] if given.tart and given.tart.tart_home else []
    sockets = [given.docker.socket] if given.docker else []
    facts = read_facts(run, [*homes, *given.tart_homes], [*sockets, *given.docker_sockets])
    # Whether the Mac was started anew since does not matter: its room is measured now, and nobody is there at night to run a playbook.
    lease = require_admitted(read_lease(given.state_dir), given.fleet)
    # The pools that were admitted last count. While a play still builds others, the slots that stay as they are go on.
    require_room(facts, [given.wanted], given.capacity, given.licences, list(lease.pools))
    return {}


TASKS: t.Mapping[str, t.Callable[[str, Json], Json]] = {"settings": settings, "admission": admission}
