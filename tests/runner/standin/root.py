# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of a runner and the files in it."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import time
import typing as t

Json = t.Dict[str, t.Any]
SETTINGS, CREDENTIALS, KEY = ".runner", ".credentials", ".credentials_rsaparams"
_MIGRATED = (".runner_migrated", ".credentials_migrated")


class Root:
    """``path`` is the folder into which the package was unpacked."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def load_environment(self) -> None:
        """The file .env overrides the environment, before anything else is read."""
        try:
            lines = (self.path / ".env").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            name, equals, text = line.partition("=")
            if equals and name.strip():
                os.environ[name.strip()] = text

    def is_configured(self) -> bool:
        return any((self.path / name).exists() for name in (SETTINGS, _MIGRATED[0]))

    def settings(self) -> Json:
        """May start with a mark of the byte order."""
        return t.cast(Json, json.loads((self.path / SETTINGS).read_text(encoding="utf-8-sig")))

    def key(self) -> str:
        return (self.path / KEY).read_text(encoding="utf-8")

    def unpack(self, config: str) -> None:
        """The files of a JIT config, with whatever mode the umask gives."""
        for name, content in json.loads(base64.b64decode(config, validate=True)).items():
            (self.path / name).write_bytes(base64.b64decode(content, validate=True))

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        """As config.sh does: the key is for its owner alone from the start."""
        path = self.path / name
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)

    def forget(self) -> t.List[str]:
        """Remove what a configured runner has; the names of what was there."""
        found = [name for name in (CREDENTIALS, SETTINGS, KEY, *_MIGRATED) if (self.path / name).exists()]
        for name in found:
            (self.path / name).unlink()
        return found

    def log(self, kind: str, text: str) -> None:
        """Into _diag, a file a process."""
        folder = self.path / "_diag"
        folder.mkdir(exist_ok=True)
        path = folder / f"{kind}_{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-utc.log"
        with path.open("a", encoding="utf-8") as file:
            file.write(f"[{time.strftime('%Y-%m-%d %H:%M:%SZ', time.gmtime())} INFO {kind}] {text}\n")
