# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The launchd job of a VM that shall run whenever the Mac does."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Place, Vm
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_cli import PATH
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import LABEL_PREFIX, slot_of

VM_LABEL_PREFIX = LABEL_PREFIX + "vm."

#: A constant: what varies comes as arguments. From Tart 2.36.0 a VM with a control.sock of a former
#: run does not start, and launchd starts it at boot without us, so the removal has to be in the job.
_START = 'rm -f -- "$1" && shift && exec "$@"'

#: Seconds between two attempts to start: a start that fails because the VM limit is reached or because
#: nobody has logged in yet costs next to nothing once a minute.
_THROTTLE = 60


def label_of(name: str) -> str:
    """The label of the job of a VM of ours."""
    return VM_LABEL_PREFIX + slot_of(name)


def log_of(name: str, place: Place) -> str:
    """Where the VM's ``tart run`` writes."""
    return os.path.join(place.log_dir, f"vm-{slot_of(name)}.log")


def job_content(vm: Vm, place: Place) -> t.Dict[str, t.Any]:
    """The job's property list.

    KeepAlive with SuccessfulExit false: ``tart run`` exits 0 when its guest was shut down or ``tart
    stop`` ended it, which is then respected; it exits 1 when the start failed (at the Mac's own start
    the keychain may still be locked) and dies by a signal when it crashed, and then it is tried again.
    """
    control_socket = os.path.join(place.vms_dir, vm.name, "control.sock")
    network = ["--net-softnet"] if vm.network == "softnet" else []
    return {
        "Label": label_of(vm.name),
        "UserName": place.account.name,
        "ProgramArguments": [
            "/bin/sh", "-c", _START, "mac-runners-vm", control_socket,
            place.tart, "run", "--no-graphics", *network, vm.name,
        ],
        "EnvironmentVariables": {
            "CI": "1",
            # A LaunchDaemon has none of its own.
            "HOME": place.account.home,
            "PATH": PATH,
            "TART_HOME": place.tart_home,
            "TART_NO_AUTO_PRUNE": "1",
        },
        "WorkingDirectory": place.account.home,
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": _THROTTLE,
        "ExitTimeOut": 60,
        # The default class is throttled in CPU and I/O.
        "ProcessType": "Interactive",
        "StandardOutPath": log_of(vm.name, place),
        "StandardErrorPath": log_of(vm.name, place),
    }
