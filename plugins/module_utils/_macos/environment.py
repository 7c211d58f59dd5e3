# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""A Python environment with pinned packages: what it was made from, and making it anew.

Its stamp, a file in it, says what it was made from. The stamp is removed first and written last, so
an environment without one is unfinished.
"""

from __future__ import annotations

import glob
import os
import re
import stat
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run, must
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.directories import PLAIN, is_plain, make_closed, require_closed
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import read_regular
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step

STAMP = "requirements.txt"
#: Every environment has it. It is made first and never removed, so that the remains of a killed run are known as ours to clear.
MARK = "pyvenv.cfg"

_PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[A-Za-z0-9,._-]+\])?==[A-Za-z0-9._+!-]+")
_HASHED = re.compile(_PIN.pattern + r"(?:\s*;[^#]+?)?(?:\s+--hash=sha256:[0-9a-f]{64})+")
_INSTALL = ("-m", "pip", "install", "--quiet", "--no-input", "--no-cache-dir", "--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes")


class VenvError(MacRunnersError):
    """The environment cannot become what it shall be."""


class Venv(t.NamedTuple):
    """A wanted environment; ``requirements`` as pip reads them, ``find_links``: a directory of wheels, used instead of an index."""

    path: str
    python: str
    requirements: str
    index_url: str = ""
    find_links: str = ""

    @property
    def stamp(self) -> str:
        """What the finished environment says of itself."""
        return f"# Made with {self.python}.\n{self.requirements}"


class Seen(t.NamedTuple):
    """What is at the path: whether anything is, and the stamp, empty when the environment is unfinished."""

    there: bool
    stamp: str = ""


def parse_venv(params: t.Mapping[str, t.Any]) -> Venv:
    """Read the module's options; every mistake is reported at once."""
    venv = Venv(params["path"], params["python"], params["requirements"], params["index_url"] or "", params["find_links"] or "")
    mistakes = [
        f"field {field}: got {show(path)}; allowed: {PLAIN}"
        for field, path in (("path", venv.path), ("python", venv.python), ("find_links", venv.find_links or venv.path))
        if not is_plain(path)
    ]
    lines = list(_logical_lines(venv.requirements))
    wrong = [line for line in lines if not _HASHED.fullmatch(line)]
    if wrong or not lines:
        given = show(wrong[0]) if wrong else "nothing"
        mistakes.append(f"field requirements: got {given}; allowed: lines such as NAME==VERSION --hash=sha256:DIGEST")
    if mistakes:
        raise VenvError("; ".join(mistakes))
    return venv


def _logical_lines(text: str) -> t.Iterator[str]:
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        content = re.sub(r"(^|\s)#.*", "", line).strip()
        if content:
            yield content


def read_venv(path: str) -> Seen:
    """Look at the environment; starts nothing. Raises :class:`VenvError` for anything else in its place, a link too."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return Seen(False)
    if not stat.S_ISDIR(status.st_mode):
        raise VenvError(f"{path} is no directory; it is not touched")
    names = os.listdir(path)
    if names and MARK not in names:
        raise VenvError(f"{path} holds {show(min(names))} and is no Python environment; it is not touched")
    # An environment whose Python is gone, as after an update of macOS, is made anew too.
    return Seen(True, _stamp_in(path) if os.access(_python_of(path), os.X_OK) else "")


def _stamp_in(path: str) -> str:
    try:
        return read_regular(os.path.join(path, STAMP)).decode(errors="replace")
    except FileNotFoundError:
        return ""


def plan_venv(venv: Venv, seen: Seen) -> ResourcePlan:
    """Nothing, or all of it: an environment is never changed, only made anew."""
    before = {venv.path: _described(seen.stamp)} if seen.there else {}
    if seen.stamp == venv.stamp:
        return ResourcePlan(before, before)
    if not os.access(venv.python, os.X_OK):
        raise VenvError(f"field python: got {show(venv.python)}, which is no program; allowed: a Python of this Mac")
    after = _described(venv.stamp)
    step = Step(venv.path, "make anew" if seen.there else "make", ", ".join(after["packages"]))
    return ResourcePlan(before, {venv.path: after}, (step,))


def _described(stamp: str) -> t.Dict[str, t.Any]:
    if not stamp:
        return {"state": "unfinished"}
    import hashlib

    pins = [match.group() for match in map(_PIN.match, _logical_lines(stamp)) if match]
    return {"python": stamp.partition("\n")[0][len("# Made with ") : -1], "packages": pins, "sha256": hashlib.sha256(stamp.encode()).hexdigest()}


def converge(run: Run, venv: Venv, state_dir: str, check: bool) -> ResourcePlan:
    """Make the environment what it shall be; what was done, or in check mode would be."""
    plan = plan_venv(venv, read_venv(venv.path))
    if check or not plan.changed:
        return plan
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import mac_lock

    with mac_lock(f"mac_environment of {venv.path}", state_dir):
        plan = plan_venv(venv, read_venv(venv.path))
        if plan.changed:
            _make(run, venv)
        return plan


def _make(run: Run, venv: Venv) -> None:
    if venv.find_links:
        # pip checks a wheel and then reads it again.
        require_closed(venv.find_links)
        if not os.path.isdir(venv.find_links):
            raise VenvError(f"field find_links: got {show(venv.find_links)}, which is no directory; allowed: a directory of wheels on this Mac")
    make_closed(venv.path)
    _clear(venv.path)
    # It needs no pip of its own, which would take longer to install than all else.
    must(run, [venv.python, "-m", "venv", "--without-pip", venv.path])
    unfinished = os.path.join(venv.path, STAMP + ".new")
    with open(unfinished, "w", encoding="utf-8") as file:
        file.write(venv.stamp)
    source = ["--no-index", "--find-links", venv.find_links] if venv.find_links else []
    # Not in argv, which everybody on the Mac can read: it may hold a password.
    index = {"PIP_INDEX_URL": venv.index_url} if venv.index_url else {}
    must(run, [venv.python, *_INSTALL, "--target", _packages_of(venv.path), *source, "--requirement", unfinished], env=index)
    os.replace(unfinished, os.path.join(venv.path, STAMP))


def _clear(path: str) -> None:
    """Empty the environment but for its mark. What ``venv --clear`` leaves when it is killed could not be told from anything else."""
    import shutil

    with open(os.path.join(path, MARK), "a", encoding="utf-8"):
        pass
    for name in sorted(os.listdir(path), key=lambda name: name != STAMP):
        entry = os.path.join(path, name)
        if os.path.isdir(entry) and not os.path.islink(entry):
            shutil.rmtree(entry)
        elif name != MARK:
            os.unlink(entry)


def _packages_of(path: str) -> str:
    """The directory of an environment's packages: it has one version of Python."""
    found = glob.glob(os.path.join(glob.escape(path), "lib", "python3*", "site-packages"))
    if len(found) != 1:
        raise VenvError(f"{path}: venv made {len(found)} directories of packages in it, and not one")
    return found[0]


def _python_of(path: str) -> str:
    return os.path.join(path, "bin", "python")
