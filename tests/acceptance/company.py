# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proxy of a company, through which GitHub is reached: it wants a password, which is a secret like others."""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import threading
import typing as t

from tests.canary.watch import canary

USER = "fleet"
_REFUSED = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class PasswordProxy:
    """Use as a context manager. ``url`` has the password; every request goes to ``port`` of this machine, whatever its name."""

    def __init__(self, port: int) -> None:
        password = canary.mint("proxy-password-")
        self._port, self._wanted = port, base64.b64encode(f"{USER}:{password}".encode())
        handler = type("Handler", (socketserver.BaseRequestHandler,), {"handle": lambda one: self._handle(one.request)})
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://{USER}:{password}@127.0.0.1:{self._server.server_address[1]}"
        #: Requests with the password, and those without the right one.
        self.passed, self.refused = 0, 0

    def __enter__(self) -> t.Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_what: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            head, rest = _head_of(client)
            if b"Basic " + self._wanted not in head:
                self.refused += 1
                client.sendall(_REFUSED)
                return
            self.passed += 1
            with socket.create_connection(("127.0.0.1", self._port)) as github:
                github.sendall(_for_the_server(head) + rest)
                _copy_both_ways(client, github)


def _head_of(client: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        part = client.recv(65536)
        if not part:
            raise ConnectionResetError
        data += part
    head, _end, rest = data.partition(b"\r\n\r\n")
    return head, rest


def _for_the_server(head: bytes) -> bytes:
    """Without the host in its first line and without the password."""
    first, *lines = head.split(b"\r\n")
    method, address, version = first.split(b" ")
    path = b"/" + address.partition(b"://")[2].partition(b"/")[2]
    kept = [line for line in lines if not line.lower().startswith(b"proxy-")]
    return b"\r\n".join([b" ".join((method, path, version)), *kept, b"", b""])


def _copy_both_ways(one: socket.socket, other: socket.socket) -> None:
    back = threading.Thread(target=_copy, args=(other, one), daemon=True)
    back.start()
    _copy(one, other)
    back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
