# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's own command lines, each call a fork of one process that has loaded them: loading them takes longer than most modules run.

While it loads, Ansible reads the repository's ansible.cfg and some of its environment, which are those of the first call.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import multiprocessing
import multiprocessing.context
import multiprocessing.forkserver
import os
import pathlib
import sys
import tempfile
import types
import typing as t

ROOT = pathlib.Path(__file__).resolve().parents[2]
_MODULES = {"ansible": "ansible.cli.adhoc", "ansible-playbook": "ansible.cli.playbook"}


@functools.cache
def _loaded() -> multiprocessing.context.ForkServerContext:
    """Starts the process that loads it, which ends when this one does."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_MODULES.values()))
    before = os.getcwd()
    try:
        os.chdir(ROOT)
        with _no_main_program():
            multiprocessing.forkserver.ensure_running()
    finally:
        os.chdir(before)
    return context


@contextlib.contextmanager
def _no_main_program() -> t.Iterator[None]:
    """A fork would import it, and with it perhaps the collection, not as Ansible does."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class Call:
    """A command line that runs in the repository; ``program``: ansible or ansible-playbook."""

    def __init__(self, program: str, *arguments: str, **environment: str) -> None:
        handle, self._output = tempfile.mkstemp(prefix="ansible-output-")
        os.close(handle)
        given = {**os.environ, **environment}
        self._process = _loaded().Process(target=_become, args=(program, arguments, given, self._output))
        with _no_main_program():
            self._process.start()

    def result(self, timeout: float = 1200.0) -> tuple[int, str]:
        """Exit code and all that it said, once it has ended. Raises TimeoutError after so many seconds, and ends it."""
        try:
            self._process.join(timeout)
            code = self._process.exitcode
            if code is None:
                self._process.kill()
                self._process.join()
                raise TimeoutError(f"it ran for {timeout:.0f} s, and said: {self._said()[-2000:]}")
            return code, self._said()
        finally:
            os.unlink(self._output)

    def _said(self) -> str:
        return pathlib.Path(self._output).read_text(errors="replace")


def call(program: str, *arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and output of a command line, once it has ended."""
    return Call(program, *arguments, **environment).result()


def _become(program: str, arguments: t.Sequence[str], environment: t.Mapping[str, str], output: str) -> None:
    """In the fork: what a process of its own would be."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    with open(output, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    importlib.import_module(_MODULES[program]).main([program, *arguments])
