# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""traced.py PROGRAM TRACE run FOLDER: the slot program, which writes down when it listens and when a call of its isolation began and ended."""

import json
import sys
import time

PROGRAM, TRACE = sys.argv[1:3]
sys.path.insert(0, PROGRAM)

from ansible_collections.action_packer.mac_runners.roles.runner.files.slot import docker, native, program, world  # noqa: E402


def write(**what):
    with open(TRACE, "a", encoding="utf-8") as trace:
        trace.write(json.dumps(what) + "\n")


def timed(name, call):
    def made(*arguments):
        began = time.time()
        try:
            return call(*arguments)
        finally:
            write(call=name, began=began, ended=time.time())

    return made


def noted(note):
    def made(self, event, **fields):
        if (event, fields.get("state")) == ("state", "listening"):
            write(listening=time.time())
        return note(self, event, **fields)

    return made


for isolations_own in ("observe", "prepare", "start", "destroy"):
    for isolation in (docker.DockerIsolation, native.NativeIsolation):
        setattr(isolation, isolations_own, timed(isolations_own, getattr(isolation, isolations_own)))
world.SlotWorld.note = noted(world.SlotWorld.note)

sys.exit(program.main([PROGRAM, *sys.argv[3:]]))
