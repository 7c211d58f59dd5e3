# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way to a GitHub in a company: a proxy that takes CONNECT, and a front whose certificate is of a private authority."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
import typing as t


def relay(one: socket.socket, other: socket.socket) -> None:
    """Copy both ways until one side ends."""

    def copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=copy, args=(other, one), daemon=True)
    back.start()
    copy(one, other)
    back.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, *_who: t.Any) -> None:
        """A client that does not trust us."""


class _Listening:
    def __init__(self, handle: t.Callable[[socket.socket], None]) -> None:
        handler = type("Handler", (socketserver.BaseRequestHandler,), {"handle": lambda self: handle(self.request)})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *_what: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Front(_Listening):
    """Ends TLS before a server of this machine."""

    def __init__(self, context: ssl.SSLContext, port: int) -> None:
        def handle(request: socket.socket) -> None:
            with context.wrap_socket(request, server_side=True) as inner, socket.create_connection(("127.0.0.1", port)) as outer:
                relay(inner, outer)

        super().__init__(handle)


class Proxy(_Listening):
    """Leads every name to one port of this machine."""

    def __init__(self, port: int) -> None:
        def handle(request: socket.socket) -> None:
            head = b""
            while b"\r\n\r\n" not in head:
                head += request.recv(65536)
            assert head.startswith(b"CONNECT "), head
            with socket.create_connection(("127.0.0.1", port)) as outer:
                request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                relay(request, outer)

        super().__init__(handle)
        self.url = f"http://127.0.0.1:{self.port}"
