# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""How a runner is started in its environment: what it needs to know comes through its standard input, a line each."""

from __future__ import annotations

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import Once, SlotError

#: For any POSIX shell, in the runner's folder, ``$0`` being its listener. The config and the proxy, which may hold a password, are in
#: no argument list and no file, and in the environment of the listener and of what it runs.
#:
#: The listener writes its files with whatever mode they have already. They are for its user alone, while jobs begin with the umask
#: that they have at GitHub: what they build must not be unreadable for others. Nothing is started after the config was read but the
#: listener: everything that is would have it in its environment.
ENTRY = """umask 077
rm -f .runner .credentials .credentials_rsaparams && echo '{}' > .runner && : > .credentials && : > .credentials_rsaparams || exit 72
umask "${MAC_RUNNERS_UMASK:-022}"
IFS= read -r ACTIONS_RUNNER_INPUT_JITCONFIG && IFS= read -r proxy || exit 72
export ACTIONS_RUNNER_INPUT_JITCONFIG
if [ -n "$proxy" ]; then
  https_proxy=$proxy http_proxy=$proxy no_proxy=${no_proxy:-localhost,127.0.0.1,::1}
  export https_proxy http_proxy no_proxy
fi
export ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE=1
exec "$0" run < /dev/null"""


def lines(config: str, proxy: str) -> Once:
    """What ENTRY reads, the last end of a line left out. Raises :class:`SlotError` without saying what was given."""
    for what, text in (("GitHub's JIT config", config), ("github.proxy", proxy)):
        if "\n" in text or not text.isascii():
            raise SlotError(f"{what} is no single line of ASCII")
    return Once(f"{config}\n{proxy}")
