# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start of every stand-in: finds the handler by the name it was called by, applies faults, logs the call."""

from __future__ import annotations

import importlib
import os
import sys

from standins import faults
from standins.call import Call, Fail, Unexpected
from standins.registry import OPTIONAL, STAND_INS

_MODULES = {os.path.basename(path): module for path, module in {**STAND_INS, **OPTIONAL}.items()}


def main(argv: list[str], version: str = "") -> None:
    """Run one call and end the process with the tool's exit code."""
    call = Call(os.path.basename(argv[0]), argv[1:], os.path.abspath(argv[0]), version)
    try:
        code = faults.apply(call, lambda: _handle(call))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 141
    call.log(code)
    os._exit(code)


def _handle(call: Call) -> int:
    module = importlib.import_module(f"standins.{_MODULES[call.tool]}")
    try:
        return module.TOOLS[call.tool](call) or 0
    except Unexpected as error:
        call.unexpected(str(error))
        return _report(error.stdout, error.stderr or f"{call.tool}: macsim does not know this use: {error}\n", error.code)
    except Fail as error:
        return _report(error.stdout, error.stderr, error.code)


def _report(stdout: str, stderr: str, code: int) -> int:
    sys.stdout.write(stdout)
    sys.stdout.flush()
    sys.stderr.write(stderr)
    return code
