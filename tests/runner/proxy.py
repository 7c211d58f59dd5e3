# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What containers reach through their only way out: GitHub itself for its API, else the broker."""

from __future__ import annotations

import contextlib
import socket
import threading

from forward import copy


class Proxy:
    """Listens at the unix socket ``path``; ``broker`` is another, and GitHub listens at ``port`` of this machine."""

    def __init__(self, path: str, broker: str, port: int) -> None:
        self._broker, self._port = broker, port
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                inner, _peer = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(inner,), daemon=True).start()

    def _pass_on(self, inner: socket.socket) -> None:
        first = inner.recv(65536)
        if b"/api/v3/" in first.partition(b"\r\n")[0]:
            outer = socket.create_connection(("127.0.0.1", self._port))
        else:
            outer = socket.socket(socket.AF_UNIX)
            outer.connect(self._broker)
        outer.sendall(first)
        for pair in ((inner, outer), (outer, inner)):
            threading.Thread(target=copy, args=pair, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
