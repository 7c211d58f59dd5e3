# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What every module does at its edge: run commands and turn errors into a failed task."""

from __future__ import annotations

import threading
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result, Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import STATE_DIR

#: Option of every module that takes the Mac's lock; the doc fragment ``_lease.state`` describes it.
STATE = {"state_dir": {"type": "path", "default": STATE_DIR}}
#: Options of every module that gives a Mac's lease or asks for it; the doc fragment ``_lease`` describes them.
TERMS = {
    "fleet": {"type": "str", "required": True},
    "pools": {"type": "list", "elements": "dict", "default": []},
    "capacity": {"type": "dict", "default": {}},
    "licences": {"type": "dict", "default": {}},
    **STATE,
}
#: What the shell command ``timeout`` ends with.
TIMED_OUT = 124
#: Seconds that a command has to end by itself when its time is up.
_GRACE = 5.0


def runner(module: AnsibleModule, timeout: t.Optional[float] = None) -> Run:
    """A command runner over ``module.run_command``, with a fixed locale and working directory.

    A command that takes longer than ``timeout`` seconds is ended and returns rc 124.
    """

    def run(argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = "") -> Result:
        watch = _Watch(timeout)
        try:
            rc, out, err = module.run_command(
                list(argv),
                data=stdin,
                binary_data=True,
                # The login user's home, where modules start, may be closed to the user a command runs as.
                cwd="/",
                environ_update={"LC_ALL": "C", "LANG": "C", **(env or {})},
                expand_user_and_vars=False,
                handle_exceptions=False,
                errors="replace",
                before_communicate_callback=watch.start,
            )
        except (OSError, ValueError) as error:
            return Result(127, "", str(error))
        finally:
            watch.stop()
        if watch.fired:
            return Result(TIMED_OUT, out, f"did not end within {timeout:g} s\n{err}")
        return Result(rc, out, err)

    return run


class _Watch:
    """Ends a process when its time is up."""

    def __init__(self, timeout: t.Optional[float]) -> None:
        self.fired = False
        self._timeout = timeout
        self._timers: t.List[threading.Timer] = []

    def start(self, process: t.Any) -> None:
        """Watch ``process``, a Popen object, from now on."""
        if self._timeout is not None:
            self._after(self._timeout, self._terminate, process)

    def stop(self) -> None:
        """The process has ended."""
        for timer in self._timers:
            timer.cancel()

    def _after(self, seconds: float, action: t.Callable[[t.Any], None], process: t.Any) -> None:
        timer = threading.Timer(seconds, action, (process,))
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _terminate(self, process: t.Any) -> None:
        self.fired = True
        # sudo passes this one on to the command; it could not pass on a SIGKILL.
        process.terminate()
        self._after(_GRACE, lambda late: late.kill(), process)
