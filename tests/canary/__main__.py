# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""python -m tests.canary MODULE [ARGUMENT...]: runs ``main(arguments)`` of a module with the watchers beside it; 1 when they find something."""

from __future__ import annotations

import importlib
import sys

from tests.canary.watch import Watch, complaint


def run(module: str, arguments: list[str]) -> int:
    with Watch() as watch:
        code = int(importlib.import_module(module).main(arguments))
        finds = watch.look()
        print(watch.summary())
    if finds:
        print(complaint(finds))
    return code or int(bool(finds))


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2:]))
