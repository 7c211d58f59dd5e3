# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Colima's socket: a process of the engine's account that hands every byte to a real container engine outside."""

from __future__ import annotations

import asyncio
import os
import signal
import socket

from standins.launchd import spawn
from standins.mac import read_mac
from standins.virtual_machines import machine_arguments

ENGINE = "/System/Library/macsim/engine.sock"
SOCKET = "/Users/admin/.colima/default/docker.sock"
LINK = "/private/var/run/docker.sock"
_OWNER = (501, 20)


def start() -> None:
    """Fork the relay, when this Mac has an engine; a reboot starts it again."""
    if read_mac()["docker"] is None or not os.path.exists(ENGINE):
        return
    for path in ("/Users/admin/.colima", "/Users/admin/.colima/default"):
        os.makedirs(path, exist_ok=True)
        os.chown(path, *_OWNER)
    for path in (SOCKET, LINK):
        if os.path.lexists(path):
            os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(SOCKET)
    os.chmod(SOCKET, 0o600)
    os.chown(SOCKET, *_OWNER)
    os.symlink(SOCKET, LINK)
    listener.listen(64)
    _start_machine()
    if os.fork() == 0:
        try:
            spawn.reset_signals()
            # Whoever was killed in the middle of a request must not take this process along.
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
            os.setsid()
            asyncio.run(_serve(listener))
        finally:
            os._exit(1)
    listener.close()


def _start_machine() -> None:
    """The engine's own virtual machine, of the account that started it; no tool but colima lists it."""
    arguments = machine_arguments("linux", int(read_mac()["docker"]["memory"]), "colima")
    spawn.start({"Label": "macsim.colima", "ProgramArguments": arguments, "EnvironmentVariables": {"MACSIM_FREE": "1"}, "UserName": "admin"})


async def _serve(listener: socket.socket) -> None:
    server = await asyncio.start_unix_server(_relay, sock=listener)
    async with server:
        await server.serve_forever()


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        engine_reader, engine_writer = await asyncio.open_unix_connection(ENGINE)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_copy(reader, engine_writer), _copy(engine_reader, writer), return_exceptions=True)
    engine_writer.close()
    writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end, then close only this direction: attached containers need the other one."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
