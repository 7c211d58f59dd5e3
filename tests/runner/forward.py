# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""forward SOCKET HOST PORT PATH: what comes to a port of the network of the engine behind SOCKET goes to the unix socket at PATH.

Says "ready" once it listens; ends with its standard input.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import threading

#: Where containers find the machine's own side of their network.
GATEWAY, PORT = "172.17.0.1", 8300


def copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def serve(host: str, port: int, path: str) -> None:
    listener = socket.create_server((host, port))
    print("ready", flush=True)
    while True:
        inner, _peer = listener.accept()
        outer = socket.socket(socket.AF_UNIX)
        try:
            outer.connect(path)
        except OSError:
            inner.close()
            continue
        for pair in ((inner, outer), (outer, inner)):
            threading.Thread(target=copy, args=pair, daemon=True).start()


def engine_pid(socket_path: str) -> int:
    """The process of the engine whose data lie beside its socket."""
    data = str(pathlib.Path(socket_path).parent / "data").encode()
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if os.path.basename(words[0]) == b"dockerd" and data in words:
            return int(entry.parent.name)
    raise LookupError(f"no engine is behind {socket_path}")


@contextlib.contextmanager
def forwarding(socket_path: str, path: str):
    """From the network of an engine's containers to a unix socket, for as long as the block lasts."""
    argv = [sys.executable, __file__, socket_path, GATEWAY, str(PORT), path]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("nothing is forwarded: see above")
            yield
        finally:
            process.stdin.close()


def main(argv: list[str]) -> int:
    if len(argv) == 4:
        os.execvp("nsenter", ["nsenter", f"--net=/proc/{engine_pid(argv[0])}/ns/net", sys.executable, __file__, "-", *argv])
    if len(argv) != 5 or argv[0] != "-":
        print(__doc__, file=sys.stderr)
        return 64
    threading.Thread(target=serve, args=(argv[2], int(argv[3]), argv[4]), daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
