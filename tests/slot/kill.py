# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kill.py PROGRAM INDEX before|after NAMES run FOLDER: the slot program, killed with -9 at an outgoing call; 0 kills nowhere.

The name of each call is written to NAMES before it is made.
"""

import os
import re
import signal
import sys

PROGRAM, INDEX, WHEN, NAMES = sys.argv[1:5]
sys.path.insert(0, PROGRAM)

from ansible_collections.action_packer.mac_runners.roles.runner.files.slot import child, engine, program, tart, world  # noqa: E402

count = 0


def outgoing(name_of, call):
    def made(*arguments, **options):
        global count
        count += 1
        mine = count
        with open(NAMES, "a", encoding="utf-8") as names:
            names.write(name_of(*arguments) + "\n")
        if mine == int(INDEX) and WHEN == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*arguments, **options)
        if mine == int(INDEX):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return made


def request(_engine, method, path, *_body):
    return f"engine {method} {re.sub('[0-9a-f]{64}', 'ID', path.partition('?')[0])}"


engine.Engine.open = outgoing(request, engine.Engine.open)
tart.TartWatch._open = outgoing(lambda _watch: "tart exec follow", tart.TartWatch._open)
child.Children.ask = outgoing(lambda _children, task, *_more: f"child {task}", child.Children.ask)
world.write_record = outgoing(lambda _folder, record: f"record {record.state}", world.write_record)

sys.exit(program.main([PROGRAM, *sys.argv[5:]]))
