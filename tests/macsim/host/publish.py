# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps compiled copies of the stand-ins in the cache, so that editing the sources never changes a running Mac."""

from __future__ import annotations

import compileall
import fcntl
import hashlib
import shutil
from pathlib import Path

from host.layout import SOURCE, cache_dir


def publish_standins() -> Path:
    """Directory of the compiled stand-ins of this source tree."""
    target = cache_dir() / f"standins-{_digest()}"
    if target.is_dir():
        return target
    cache_dir().mkdir(parents=True, exist_ok=True)
    with open(cache_dir() / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            work = target.with_suffix(".new")
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(SOURCE / "standins", work, ignore=shutil.ignore_patterns("__pycache__"))
            compileall.compile_dir(work, quiet=2)
            work.chmod(0o755)
            work.rename(target)
    return target


def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted((SOURCE / "standins").rglob("*.py")):
        digest.update(str(path.relative_to(SOURCE)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]
