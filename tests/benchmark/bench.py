# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""make bench: every figure as a ratio of one run, against its limit; exit code 1 when one is past it.

With arguments, only the benchmarks of these names: filter, seatbelt, github, docker, slots, install, native, site, demo.
"""

from __future__ import annotations

import pathlib
import sys
import typing as t

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT), str(ROOT / ".ansible" / "collections")]

import demo_bench  # noqa: E402
import docker_bench  # noqa: E402
import filter_bench  # noqa: E402
import github_bench  # noqa: E402
import install_bench  # noqa: E402
import native_bench  # noqa: E402
import seatbelt_bench  # noqa: E402
import site_bench  # noqa: E402
import slots_bench  # noqa: E402

Figure = tuple[str, float, float]

BENCHMARKS: dict[str, t.Callable[[], list[Figure]]] = {
    "filter": filter_bench.run,
    "seatbelt": seatbelt_bench.run,
    "github": github_bench.run,
    "docker": docker_bench.run,
    "slots": slots_bench.run,
    "install": install_bench.run,
    "native": native_bench.run,
    "site": site_bench.run,
    "demo": demo_bench.run,
}


def main(names: t.Sequence[str]) -> int:
    """Print one line a figure; return the number of figures past their limits."""
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"bench: no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    missed = 0
    for name in names or BENCHMARKS:
        for what, figure, limit in BENCHMARKS[name]():
            held = figure <= limit
            missed += not held
            print(f"{'ok  ' if held else 'MISS'}  {figure:8.3f}  (at most {limit:g})  {what}", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
