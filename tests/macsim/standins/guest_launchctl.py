# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""launchctl in a macOS guest: asks the guest's own launchd."""

from __future__ import annotations

import json
import os
import socket
import sys
import time


def connect() -> socket.socket:
    """launchd is there before anything else is, as soon as the machine is on."""
    os.chdir(os.environ["MACSIM_GUEST"])
    deadline = time.monotonic() + 10
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(".guest-launchd.sock")
        except OSError:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return connection


with connect() as connection, connection.makefile("rw") as stream:
    stream.write(json.dumps(sys.argv[1:]) + "\n")
    stream.flush()
    code, out, err = json.loads(stream.readline())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
