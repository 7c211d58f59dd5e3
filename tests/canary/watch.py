# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two watchers beside a suite, and what they found where nothing may be."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import types
import typing as t

from tests.canary.allowed import reason
from tests.canary.find import Find

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "github"))

from double import canary  # noqa: E402


def roots() -> dict[str, str]:
    """Where this machine's own files are looked at: "" leaves the path as it is."""
    home = os.environ.get("ANSIBLE_HOME", os.path.expanduser("~/.ansible"))
    return {"files of Ansible ": home, "": tempfile.gettempdir(), "artifact ": str(ROOT / "tests" / "output")}


class Watch:
    """Use as a context manager. ``mark`` and ``kinds`` of the secrets, ``folders`` that are looked at."""

    def __init__(self, mark: str = canary.MARK, kinds: t.Mapping[str, str] | None = None, folders: t.Mapping[str, str] | None = None) -> None:
        kinds = canary.KINDS if kinds is None else kinds
        self._wanted = {"mark": mark, "kinds": dict(kinds), "owner": os.getpid(), "roots": dict(roots() if folders is None else folders)}
        self._lock = threading.Lock()
        self._watchers: dict[str, subprocess.Popen[bytes]] = {}
        self.looked: dict[str, int] = {}
        self.allowed: collections.Counter[str] = collections.Counter()

    def __enter__(self) -> Watch:
        for name in ("processes", "files"):
            argv = [sys.executable, "-m", "tests.canary.watcher", name]
            self._watchers[name] = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        self._send(self._wanted)
        for text, kind in canary.others.items():
            self.remember(kind, text)
        canary.hearers.append(self.remember)
        self.look()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None) -> None:
        canary.hearers.remove(self.remember)
        for watcher in self._watchers.values():
            # One that has ended already was complained of when it was asked.
            with contextlib.suppress(BrokenPipeError), watcher:
                pass

    def remember(self, kind: str, text: str) -> None:
        """One secret more, without the mark."""
        self._send({"secret": [kind, text]})

    def _send(self, message: dict[str, t.Any]) -> None:
        line = json.dumps(message).encode() + b"\n"
        with self._lock:
            for watcher in self._watchers.values():
                assert watcher.stdin is not None
                watcher.stdin.write(line)
                watcher.stdin.flush()

    def look(self) -> list[Find]:
        """Look at everything; what was found since the last time where it may not be. Fails when a watcher is not there any more."""
        self._send({"look": True})
        finds = [find for name in self._watchers for find in self._read(name)]
        for find in finds:
            self.allowed[reason(find)] += 1
        return [find for find in finds if not reason(find)]

    def _read(self, name: str) -> t.Iterator[Find]:
        out = self._watchers[name].stdout
        assert out is not None
        for line in out:
            message = json.loads(line)
            if "looked" in message:
                self.looked[name] = message["looked"]
                return
            yield Find(**message["find"])
        raise RuntimeError(f"the canary's watcher of {name} has ended: see above")

    def summary(self) -> str:
        """What was looked at, and where secrets were that may be there."""
        counts = ", ".join(f"{number} {name}" for name, number in self.looked.items())
        places = "".join(f"\n  {number} x {why}" for why, number in sorted(self.allowed.items()) if why)
        return f"canary: looked at {counts}; secrets were where they may be:{places or ' nowhere'}"


def complaint(finds: t.Sequence[Find]) -> str:
    return "\n".join(["secrets where none may be:", *sorted({f"  {find}" for find in finds})])
