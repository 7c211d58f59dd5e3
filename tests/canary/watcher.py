# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""watcher processes|files: looks again and again, and tells what it found, a line of JSON each.

The first line of its standard input says what it looks for, further lines add a secret or ask for a look at everything; it ends with it.
Secrets come this way only.
"""

from __future__ import annotations

import dataclasses
import json
import os
import select
import sys
import time
import typing as t

from tests.canary.files import Files, macs_of
from tests.canary.find import Find
from tests.canary.needles import Needles
from tests.canary.processes import Processes

#: Seconds between two looks at processes; files take no more than so large a part of the time, and are looked at after so many seconds at last.
_TICK, _SHARE, _LATEST = 0.01, 0.04, 20.0

Json = dict[str, t.Any]


def _tell(message: Json) -> None:
    print(json.dumps(message), flush=True)


class Teller:
    """Tells each find once."""

    def __init__(self) -> None:
        self._told: set[Find] = set()

    def __call__(self, finds: t.Iterable[Find]) -> None:
        for find in finds:
            if find not in self._told:
                self._told.add(find)
                _tell({"find": dataclasses.asdict(find)})


def _orders() -> t.Generator[list[Json], float, None]:
    """The lines that came within so many seconds as are sent to it; ends with the input."""
    rest = b""
    seconds = yield []
    while True:
        lines: list[bytes] = []
        if select.select([0], [], [], seconds)[0]:
            chunk = os.read(0, 1 << 20)
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
        seconds = yield [json.loads(line) for line in lines]


def _serve(needles: Needles, look: t.Callable[[bool], t.Iterable[Find]], looked: t.Callable[[], int], pause: t.Callable[[float], float]) -> None:
    orders, tell, seconds = _orders(), Teller(), 0.0
    next(orders)
    try:
        while True:
            given = orders.send(seconds)
            for order in given:
                if "secret" in order:
                    needles.add(*order["secret"])
            asked = sum("look" in order for order in given)
            began = time.monotonic()
            tell(look(bool(asked)))
            for _number in range(asked):
                _tell({"looked": looked()})
            seconds = pause(time.monotonic() - began)
    except StopIteration:
        return


def main(argv: t.Sequence[str]) -> int:
    """``argv``: what it looks at."""
    wanted = json.loads(sys.stdin.buffer.raw.readline())
    needles = Needles(wanted["mark"], wanted["kinds"])
    if argv == ["processes"]:
        processes = Processes(needles)
        _serve(needles, processes.look, lambda: processes.looked, lambda _spent: _TICK)
        return 0
    os.nice(5)
    files = Files(needles, lambda: {**wanted["roots"], **macs_of(wanted["owner"])})
    _serve(needles, lambda _whole: files.look(), lambda: files.looked, lambda spent: min(_LATEST, max(0.5, spent / _SHARE)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
