# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the slot program is killed, and the table that each isolation prints: one row a kill."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import shutil

from tart_mac import PROGRAMS

KILL = str(pathlib.Path(__file__).resolve().parents[1] / "kill.py")
#: How many kills are tried, spread over the cycle; 0 for every one.
KILLS = int(os.environ.get("MAC_RUNNERS_SLOT_KILLS", "7"))
NAMES = "/private/var/tmp"


def cuts_of(calls, acts):
    """Places of calls, from 1, and whether before or after them. ``acts``: how calls begin that change something elsewhere; they are
    also cut off after they were carried out, before anybody knows."""
    cuts = [(index, "before") for index in range(1, len(calls) + 1)]
    cuts = sorted(cuts + [(index, "after") for index, name in enumerate(calls, start=1) if name.startswith(acts)])
    if KILLS == 0 or len(cuts) <= KILLS:
        return cuts
    return [cuts[at] for at in sorted({round(number * (len(cuts) - 1) / (KILLS - 1)) for number in range(KILLS)})]


class MacTable:
    """Kills of slots of a simulated Mac, several slots at the same time. ``seen``: from what is left of a slot to words for it."""

    def __init__(self, mac, slots, calls, seen):
        self.mac, self.slots, self.calls, self.seen = mac, slots, calls, seen

    def print(self, cuts, capsys):
        """Kill, mend and tell; each job ran once."""
        shares = [(slot, cuts[number :: len(self.slots)]) for number, slot in enumerate(self.slots)]
        with concurrent.futures.ThreadPoolExecutor(len(self.slots)) as pool:
            found = pool.map(lambda share: [self.row(share[0], *cut) for cut in share[1]], shares)
            rows = sorted(line for lines in found for line in lines)
        with capsys.disabled():
            print(f"\n{'killed':>8} call{'':26}left behind{'':46}jobs  twice")
            print("\n".join(line for _key, line in rows))
        jobs = self.mac.broker.jobs
        assert len({name for job in jobs for name in job.runs}) == len(jobs) == len(cuts) + 1, "a registration was used twice"
        assert self.mac.broker.scope.jobs_lost == 0

    def row(self, slot, index, when):
        """One kill, one mend; the place and the line in the table."""
        mac, call = self.mac, self.calls[index - 1]
        place = f"after a kill {when} call {index}, {call}"
        shutil.rmtree(mac.folder(slot), ignore_errors=True)
        mac.slot(slot)
        victim = start(mac, slot, index, when)
        # A job that comes no sooner, so that every run makes the same calls.
        mac.wait("it listens or is dead", lambda: victim.poll() is not None or mac.status(slot)["state"] == "listening")
        job = mac.queue(slot, "echo done")
        assert victim.wait(timeout=90) == -9, f"it was not killed {when} call {index}:\n{mac.log(slot).read_text()}"
        assert names(mac, slot, index, when) == self.calls[:index], f"not what was recorded:\n{mac.log(slot).read_text()}"
        left = self.seen(slot) + ["runner" for _runner in self._runners(slot)]
        mac.start(slot)
        mac.finish(job)
        mac.drain(slot)
        mac.stop(slot)
        # A name whose registration got no answer is looked for a while longer; none that GitHub confirmed is.
        assert [entry for entry in mac.status(slot)["pending"] if entry[1]] == [], place
        assert (self._runners(slot), mac.left(slot)) == ([], []), place
        assert (job.result, len(job.runs)) == ("Succeeded", 1), place
        told = f"{', '.join(left) or 'nothing':<57}{len(job.runs):>4}{len(job.runs) - 1:>7}"
        return (index, when != "before"), f"{when:>6} {index:>2} {call:<28}{told}"

    def _runners(self, slot):
        return [runner.name for runner in list(self.mac.broker.scope.runners.values()) if runner.name.startswith(f"mac-1-{slot}-")]


def start(mac, slot, index, when):
    return mac.start(slot, KILL, f"{PROGRAMS}/current/slot.pyz", str(index), when, f"{NAMES}/{slot}-{when}-{index}")


def names(mac, slot, index, when):
    return mac.path(f"{NAMES}/{slot}-{when}-{index}").read_text().splitlines()
