# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Starting and stopping many VMs at once."""

from __future__ import annotations

import os
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Place, Vm
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_cli import Tart
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_job import job_content, label_of, log_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_store import remove_control_socket
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import launchd

Errors = t.Dict[str, str]

_POLL = 1.0
#: Seconds that ``tart stop`` gives the process before it kills it.
_POWER_CUT = 30
_LOG_BYTES = 2000

#: What Tart prints when a start fails, and what to do about it. Texts of Tart 2.35.
_ADVICE = (
    (
        "exceeds the system limit",
        "macOS runs two macOS guests at most, of all users and applications: stop another one;"
        " if fewer than two run, the count is stuck until the Mac is restarted",
    ),
    ("maximum supported number of active virtual machines", "macOS runs two macOS guests at most: stop another one"),
    (
        "VZErrorDomain Code=1 ",
        "a macOS 15 or later guest needs the account's login keychain unlocked: let the account log in automatically",
    ),
    ("softnet", "the network softnet needs the program softnet, set-uid root, in one of the directories of the job's PATH"),
    ("is already running", "somebody else runs this VM"),
    ("Failed to lock auxiliary storage", "another process uses the files of this VM"),
    ("Address already in use", "a control.sock of a former run is in the way"),
)


def stop_all(names: t.Sequence[str], tart: Tart, run: Run, timeout: float) -> Errors:
    """Shut guests down, all at once; cut the power of those that are still on after ``timeout`` seconds.

    Their launchd jobs are taken out afterwards: launchd would end them with SIGTERM, which is a power
    cut too, and would start one again that had to be killed.
    """
    if not names:
        return {}
    states = tart.states()
    asked = [name for name in names if states.get(name) == "running" and _shut_down(name, tart)]
    _await_end(asked, tart, timeout)
    errors: Errors = {}
    states = tart.states()
    for name in names:
        try:
            if states.get(name) in ("running", "suspended"):
                cut_power(name, tart)
            launchd.unload(run, label_of(name))
        except MacRunnersError as error:
            errors[name] = str(error)
    return errors


def _shut_down(name: str, tart: Tart) -> bool:
    """Ask the guest's agent to shut it down; whether it is going to."""
    result = tart.call("exec", name, "sudo", "shutdown", "-h", "now")
    # The answer may be cut off by the very shutdown.
    return result.rc == 0 or "unavailable" in result.stderr


def _await_end(names: t.Sequence[str], tart: Tart, timeout: float) -> None:
    waited = 0.0
    while names and waited < timeout:
        states = tart.states()
        if not any(states.get(name) == "running" for name in names):
            return
        time.sleep(_POLL)
        waited += _POLL


def cut_power(name: str, tart: Tart) -> None:
    """Switch a VM off as it is; a saved state is dropped."""
    result = tart.call("stop", name, "--timeout", str(_POWER_CUT))
    # It may have ended by itself meanwhile.
    if result.rc != 0 and "is not running" not in result.stderr:
        tart.must("stop", name, "--timeout", str(_POWER_CUT))


def start_all(vms: t.Sequence[Vm], tart: Tart, run: Run, place: Place, timeout: float) -> Errors:
    """Load the jobs of all VMs, then wait for all of them together."""
    errors: Errors = {}
    offsets = {}
    for vm in vms:
        try:
            remove_control_socket(place.vms_dir, vm.name)
            offsets[vm.name] = _prepare_log(vm.name, place)
            job = launchd.Job(label_of(vm.name), job_content(vm, place))
            launchd.load(run, job, directory=place.daemons_dir)
        except (MacRunnersError, OSError) as error:
            errors[vm.name] = str(error)
    waiting = [vm.name for vm in vms if vm.name not in errors]
    for name in _await_start(waiting, tart, run, timeout):
        errors[name] = _explain(name, place, offsets[name], timeout)
        _give_up(name, run, place)
    return errors


def _await_start(names: t.Sequence[str], tart: Tart, run: Run, timeout: float) -> t.List[str]:
    """Wait until all run; return those that failed or did not in time.

    Tart says running as soon as it holds the VM's lock, before the framework may refuse, so a VM has
    started when it is still running at the second look.
    """
    looks = dict.fromkeys(names, 0)
    failed: t.List[str] = []
    waited = 0.0
    while looks and waited <= timeout:
        time.sleep(_POLL)
        waited += _POLL
        states = tart.states()
        for name in list(looks):
            if states.get(name) == "running":
                looks[name] += 1
            elif _ended(name, run):
                failed.append(name)
                del looks[name]
            if looks.get(name) == 2:
                del looks[name]
    return failed + list(looks)


def _ended(name: str, run: Run) -> bool:
    """Whether the job has come to an end, to be tried again later."""
    job = launchd.loaded(run, label_of(name))
    return job is None or (job.pid is None and (job.last_exit is not None or job.signalled))


def _give_up(name: str, run: Run, place: Place) -> None:
    """Nothing half-started stays behind; the next run begins anew."""
    try:
        launchd.unload(run, label_of(name))
        launchd.remove_content(launchd.path_of(label_of(name), place.daemons_dir))
    except (MacRunnersError, OSError):
        # The reason why it did not start is what has to be told.
        pass


def _prepare_log(name: str, place: Place) -> int:
    """Make the log where the account can write it; return its size. launchd ends a job with 78 without."""
    os.makedirs(place.log_dir, mode=0o755, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(log_of(name, place), flags, 0o640)
    try:
        os.fchown(descriptor, place.account.uid, place.account.gid)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def _explain(name: str, place: Place, offset: int, timeout: float) -> str:
    return explain_start(name, log_of(name, place), timeout, offset)


def explain_start(name: str, log: str, timeout: float, offset: int = 0) -> str:
    """Why a VM did not start, from what Tart wrote to its log, and what to do about it."""
    said = _log_since(log, offset)
    if not said:
        return f"VM {name} did not start within {timeout:g} s and wrote nothing to {log}"
    advice = next((text for sign, text in _ADVICE if sign.lower() in said.lower()), "")
    return f"VM {name} did not start: {said}" + (f" ({advice})" if advice else "")


def _log_since(path: str, offset: int) -> str:
    try:
        with open(path, "rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(offset, stream.tell() - _LOG_BYTES))
            lines = stream.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return " / ".join(line.strip() for line in lines if line.strip())
