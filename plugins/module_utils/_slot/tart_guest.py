# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What is done inside a guest, through ``tart exec``: scripts for any POSIX shell, of macOS or Linux, and what they answer.

``$1`` of each is our folder in the guest, ``$2`` the runner's, both absolute or below the home of the guest's user.
"""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.entry import ENTRY
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import VANISHED

#: Our folder in the guest: the listener's output, its process and its exit code.
FOLDER = ".mac-runners"

#: The listener's keeper; its standard input goes on to ENTRY, which is ``$3``.
_KEEPER = """cd && cd "$1" && echo $$ > pid || exit 71
( cd && cd "$2" && exec /bin/sh -c "$3" ./bin/Runner.Listener )
code=$?
cd && cd "$1" && echo "$code" > exit.new && mv exit.new exit"""

#: Takes two lines from its standard input, starts the listener's keeper (``$3``) with ENTRY (``$4``), gives them on and leaves it
#: alone. The log is there before they are read.
_START = r"""umask 077
trap '' HUP
cd && mkdir -p "$1" && : > "$1/log" || exit 71
IFS= read -r config && IFS= read -r proxy || exit 72
printf '%s\n%s\n' "$config" "$proxy" | /bin/sh -c "$3" keeper "$1" "$2" "$4" >> "$1/log" 2>&1 &
exit 0"""

#: The listener's output from its first line on. ``$3`` is a word that begins the last line: with the exit code, or what became of
#: the listener. The log as a whole comes once more before that line, since ``tail`` may have missed its end.
FOLLOW = """cd && cd "$1" 2>/dev/null || { sleep 10; cd "$1"; } || { echo; echo "$3 none"; exit 0; }
tail -n +1 -f log 2>/dev/null &
tail=$!
trap 'kill $tail 2>/dev/null' EXIT
misses=0
until [ -s exit ]; do
  sleep 0.5
  if [ -s pid ] && kill -0 "$(cat pid)" 2>/dev/null; then misses=0; else misses=$((misses + 1)); fi
  [ "$misses" -lt 20 ] || break
done
kill $tail 2>/dev/null
echo
cat log
echo
if [ -s exit ]; then echo "$3 $(cat exit)"; else echo "$3 lost"; fi"""

#: Says ``busy`` or ``idle``. The brackets keep the pattern from finding this script itself.
BUSY = "if pgrep -f '[R]unner[.]Worker' > /dev/null; then echo busy; else echo idle; fi"

#: Says ``unused`` when no job ran, and leaves nothing of the runner that was there. A worker writes its log before anything else.
RENEW = """cd || exit 71
here=$(pwd)
[ "$(cat "$1/exit")" = 0 ] || { echo ended; exit 0; }
if pgrep -f '[R]unner[.]Worker' > /dev/null; then echo busy; exit 0; fi
cd "$2" || exit 71
for log in _diag/Worker_*; do if [ -e "$log" ]; then echo used; exit 0; fi; done
rm -f .runner .credentials .credentials_rsaparams && cd "$here" && rm -rf -- "$1" && echo unused"""

#: The runner's own logs as a tar.
DIAGNOSTICS = 'cd && cd "$2" && exec tar -cf - _diag'


def words(script: str, runner_dir: str, *more: str) -> t.List[str]:
    """The command in the guest that runs a script."""
    return ["/bin/sh", "-c", script, "mac-runners", FOLDER, runner_dir, *more]


def start_words(runner_dir: str) -> t.List[str]:
    """The command in the guest that takes the lines of ENTRY and starts the runner."""
    return words(_START, runner_dir, _KEEPER, ENTRY)


class Followed:
    """What FOLLOW says, taken apart. ``word`` begins its last line."""

    def __init__(self, word: str) -> None:
        self._word = word.encode("ascii") + b" "
        self._rest = b""
        self.exit_code: t.Optional[int] = None

    def take(self, chunk: bytes) -> t.List[str]:
        """The whole lines of the runner in what came."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        # A line without end is none of a listener.
        self._rest = self._rest[-65536:]
        return [line.decode("utf-8", "replace") for line in lines if not self._is_last(line)]

    def _is_last(self, line: bytes) -> bool:
        if not line.startswith(self._word):
            return False
        code = line[len(self._word) :].strip()
        self.exit_code = int(code) if code.isdigit() else VANISHED
        return True
