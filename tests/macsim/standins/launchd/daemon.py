# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop of the first process: children, launchctl's requests, ssh connections, the Mac's boot and reboot."""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import struct
import time
import traceback
from dataclasses import dataclass

from standins import relay, seeds
from standins.call import STATE
from standins.launchd import setup, spawn
from standins.launchd.services import Caller, Later, Reply, Services, append_log

SOCKET = f"{STATE}/launchd.sock"
_PR_SET_NAME = 15
_LONGEST_NAP_S = 30.0
_POLL_S = 0.02


@dataclass
class _Waiter:
    connection: socket.socket
    later: Later


class Daemon:
    """State of the loop; one per Mac."""

    def __init__(self, ssh_socket: int) -> None:
        self.services = Services()
        self.ssh = socket.socket(fileno=ssh_socket)
        self.ssh.setblocking(False)
        self.waiters: list[_Waiter] = []
        self.requests = _open_requests()
        self.wakeup_reader, self.wakeup_writer = os.pipe()
        for descriptor in (self.wakeup_reader, self.wakeup_writer):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self.wakeup_writer, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *dummy: None)

    def run(self) -> None:
        while True:
            self.reap()
            nap = self.services.tick()
            self.answer_waiters()
            timeout = min(_LONGEST_NAP_S if nap is None else nap, _POLL_S if self.waiters else _LONGEST_NAP_S)
            readable, dummy, dummy2 = select.select([self.wakeup_reader, self.requests, self.ssh], [], [], timeout)
            if self.wakeup_reader in readable:
                os.read(self.wakeup_reader, 4096)
            if self.ssh in readable:
                self.accept_ssh()
            if self.requests in readable:
                self.accept_request()

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.services.ended(pid, status)

    def accept_ssh(self) -> None:
        """As on a Mac, one sshd per connection, started by launchd."""
        try:
            connection, dummy = self.ssh.accept()
        except OSError:
            return
        if os.fork() == 0:
            try:
                spawn.reset_signals()
                os.setsid()
                connection.set_inheritable(True)
                os.dup2(connection.fileno(), 0)
                os.dup2(connection.fileno(), 1)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                os.closerange(3, 256)
                os.execve("/usr/sbin/sshd", ["/usr/sbin/sshd", "-i", "-E", "/private/var/log/sshd.log"], {"PATH": spawn.DEFAULT_PATH})
            finally:
                os._exit(127)
        connection.close()

    def accept_request(self) -> None:
        connection, dummy = self.requests.accept()
        connection.settimeout(5)
        try:
            message = _receive(connection)
            caller = _caller(connection)
            reply = self.serve(caller, message)
        except Exception:
            append_log(traceback.format_exc())
            reply = Reply(5, "", "launchd: internal error of the simulated Mac, see /var/log/launchd.log\n")
        if isinstance(reply, Later):
            self.waiters.append(_Waiter(connection, reply))
        else:
            _send(connection, reply)

    def serve(self, caller: Caller, message: dict) -> Reply | Later:
        """One request: {verb, words...}; the names are those of the methods of Services."""
        verb = message.pop("verb")
        if verb == "reboot":
            if caller.uid != 0:
                return Reply(1, "", "Operation not permitted\n")
            self.reboot()
            return Reply()
        if verb == "take_along":
            return _take_along(message["pids"])
        if verb not in ("bootstrap", "bootout", "kickstart", "kill", "set_disabled", "print_target", "list_services", "legacy"):
            return Reply(64, "", f"launchd: unknown verb {verb}\n")
        return getattr(self.services, verb)(caller, **message)

    def answer_waiters(self) -> None:
        now = time.monotonic()
        for waiter in list(self.waiters):
            if waiter.later.ready():
                self.finish(waiter, waiter.later.reply)
            elif waiter.later.deadline is not None and now >= waiter.later.deadline:
                self.finish(waiter, waiter.later.late_reply)

    def finish(self, waiter: _Waiter, reply: Reply) -> None:
        self.waiters.remove(waiter)
        _send(waiter.connection, reply)

    def reboot(self) -> None:
        """End every process, forget every loaded service, start again with what the disk holds."""
        self.services.jobs.clear()
        for number, patience in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 5.0)):
            _signal_everybody(number)
            _wait_for_nobody(patience)
        setup.clear_volatile()
        setup.note_boot()
        self.services = Services()
        self.start_services()

    def start_services(self) -> None:
        relay.start()
        self.services.load_daemons()


def _take_along(pids: list[int]) -> Reply:
    """A fault that was ordered: the stand-in that asks has no right to do it itself."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return Reply()


def _signal_everybody(number: int) -> None:
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        pass


def _wait_for_nobody(patience: float) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.02)
        except ChildProcessError:
            return


def _open_requests() -> socket.socket:
    if os.path.exists(SOCKET):
        os.unlink(SOCKET)
    requests = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    requests.bind(SOCKET)
    os.chmod(SOCKET, 0o666)
    requests.listen(64)
    return requests


def _caller(connection: socket.socket) -> Caller:
    pid, uid, dummy = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return Caller(uid, pid)


def _receive(connection: socket.socket) -> dict:
    data = b""
    while not data.endswith(b"\n"):
        chunk = connection.recv(65536)
        if not chunk:
            break
        data += chunk
    return json.loads(data)


def _send(connection: socket.socket, reply: Reply) -> None:
    try:
        connection.sendall(json.dumps([reply.code, reply.out, reply.err]).encode() + b"\n")
    except OSError:
        pass
    connection.close()


def main(ssh_socket: int, ready_pipe: int) -> None:
    """Boot the Mac, say so, run for ever."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, b"launchd", 0, 0, 0)
    os.umask(0o022)
    os.chdir("/")
    os.set_inheritable(ssh_socket, False)
    os.set_inheritable(ready_pipe, False)
    setup.first_boot()
    daemon = Daemon(ssh_socket)
    daemon.start_services()
    seeds.plant(setup.read_seed())
    os.write(ready_pipe, b"ready\n")
    os.close(ready_pipe)
    daemon.run()
