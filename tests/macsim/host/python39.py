# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private Python of the simulated Macs: a copy of a Python 3.9 that takes itself for Apple's 3.9.6 on Darwin.

Built once per source interpreter and per content of ``darwin/``; all Macs mount it read-only.
"""

from __future__ import annotations

import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from host.layout import SOURCE, MacsimError, cache_dir

# Where the Mac finds the interpreter's library. ld.so cannot resolve $ORIGIN there (it asks /proc), and the bytes of a run path
# can only be replaced by something that is not longer.
_RUN_PATH = b"/System/Library/macsim/py"
_LEFT_OUT = ("test", "tests", "idlelib", "turtledemo", "tkinter", "site-packages", "__pycache__", "config-3.9-*", "lib2to3")
_FILTERS = ("fully_trusted_filter", "tar_filter", "data_filter")


def find_source() -> Path:
    """Prefix of a Python 3.9 on this host: MACSIM_PYTHON, pyenv, a tool cache, or /usr; raises MacsimError."""
    patterns = [
        os.environ.get("MACSIM_PYTHON", ""),
        os.path.join(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")), "versions/3.9.*"),
        os.path.join(os.environ.get("RUNNER_TOOL_CACHE", "/opt/hostedtoolcache"), "Python/3.9.*/*"),
        "/usr/local",
    ]
    for pattern in filter(None, patterns):
        for prefix in sorted(glob.glob(pattern), reverse=True):
            if Path(prefix, "bin/python3.9").exists():
                return Path(prefix)
    raise MacsimError("no Python 3.9 found for the Macs: set MACSIM_PYTHON to the prefix of one (the directory above bin/python3.9)")


def prepare() -> Path:
    """Return the directory of the private Python, building it when it is not in the cache."""
    source = find_source()
    target = cache_dir() / f"python-{_key(source)}"
    if target.is_dir():
        return target
    cache_dir().mkdir(parents=True, exist_ok=True)
    with open(cache_dir() / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            work = target.with_suffix(".new")
            shutil.rmtree(work, ignore_errors=True)
            _build(source, work)
            work.rename(target)
    return target


def _key(source: Path) -> str:
    digest = hashlib.sha256(str(source).encode())
    for path in [Path(__file__), source / "bin/python3.9", *sorted((SOURCE / "darwin").glob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _build(source: Path, work: Path) -> None:
    library = work / "lib/python3.9"
    shutil.copytree(source / "lib/python3.9", library, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    (library / "site-packages").mkdir()
    (work / "bin").mkdir()
    for path in [source / "bin/python3.9", *source.glob("lib/libpython3.9.so*")]:
        target = work / path.relative_to(source)
        shutil.copy2(path, target)
        target.write_bytes(_relocate(target.read_bytes(), source))
    (work / "bin/python3").symlink_to("python3.9")
    _install_pip(source, library)
    _make_darwin(library)
    interpreter = work / "bin/python3.9"
    subprocess.run([str(interpreter), "-S", "-m", "compileall", "-q", str(work)], check=False, env={"LD_LIBRARY_PATH": str(work / "lib")})
    os.chmod(work, 0o755)


def _relocate(binary: bytes, source: Path) -> bytes:
    """Let the interpreter find its shared library where the Mac has it."""
    old = str(source / "lib").encode()
    if len(old) < len(_RUN_PATH) and b"\0libpython3.9.so" in binary:
        raise MacsimError(f"the Python in {source} is built with a shared library and a run path too short to move; take another")
    binary = re.sub(rb"3\.9\.([0-9]+)\x00", lambda match: b"3.9.6\0" + b"\0" * (len(match.group(1)) - 1), binary)
    return binary.replace(b"\0" + old + b"\0", b"\0" + _RUN_PATH.ljust(len(old), b"\0") + b"\0")


def _install_pip(source: Path, library: Path) -> None:
    for name in ("pip", "setuptools", "pkg_resources", "_distutils_hack"):
        for path in (source / "lib/python3.9/site-packages").glob(f"{name}*"):
            target = library / "site-packages" / path.name
            shutil.copytree(path, target) if path.is_dir() else shutil.copy2(path, target)


def _make_darwin(library: Path) -> None:
    for path in sorted((SOURCE / "darwin").glob("*.py")):
        if path.stem.startswith("append_"):
            target = library / f"{path.stem.removeprefix('append_')}.py"
            target.write_text(target.read_text() + "\n\n" + path.read_text())
        else:
            shutil.copy2(path, library / path.name)
    _make_build_variables(library)
    _hide_tar_filters(library / "tarfile.py")


def _make_build_variables(library: Path) -> None:
    """The build variables under the name that sysconfig computes on a Mac, with Apple's deployment target."""
    original = next(library.glob("_sysconfigdata__linux*.py"))
    text = original.read_text() + "\nbuild_time_vars['MACOSX_DEPLOYMENT_TARGET'] = '10.14.6'\n"
    (library / "_sysconfigdata__darwin_darwin.py").write_text(text)


def _hide_tar_filters(path: Path) -> None:
    text = path.read_text()
    for name in _FILTERS:
        text = re.sub(rf"(?<![\w\"']){name}\b", f"_{name}", text)
    text = text.replace("extraction_filter", "_extraction_filter")
    path.write_text(text)
