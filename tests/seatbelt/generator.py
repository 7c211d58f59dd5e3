# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies of the slots of one Mac from a seed, and questions with a liking for edges. Shares no code with the collection."""

from __future__ import annotations

import random
from typing import Any, Dict, Iterator, List, Optional, Tuple

Policy = Dict[str, Any]
Question = Tuple[str, Optional[str]]

PRESETS = ["build", "xcode", "node", "strict"]
SERVICES = ["accounts", "temp", "dns", "tls", "swift", "xcode", "simulator", "keychain", "com.acme.helper", "com.apple.logd"]
COMMON = ["/opt/cache", "/opt/cache/deep/er", "/private/tmp/shared", "/Volumes/Data/ref", "/Library/Acme", "/usr/local/share", "/Users/Shared", "/Users"]
TOOLS = ["/opt/acme/bin", "/opt/acme", "/Applications/Acme.app", "/opt/homebrew/opt/x"]
SOCKETS = ["/private/var/run/acme.sock", "/private/tmp/acme/s"]
ON_PATHS = """file-read-data file-read-metadata file-read-xattr file-write-data file-write-create file-write-unlink file-write-mode file-link
file-clone file-ioctl process-exec file-map-executable network-outbound network-bind network-inbound file-test-existence""".split()
BARE = """process-fork sysctl-read sysctl-write pseudo-tty ipc-posix-sem-open ipc-posix-shm-read-data mach-host-special-port-set job-creation
nvram-get nvram-set appleevent-send iokit-set-properties iokit-get-properties system-privilege darwin-notification-post mach-cross-domain-lookup
dynamic-code-generation socket-ioctl lsopen""".split()
TARGETS = ["self", "same-sandbox", "others", "children", "pgrp", "initproc"]
FIXED = """/ /tmp /var /etc /private /Users /System /dev /dev/null /dev/tty /dev/ttys003 /dev/ttysx /dev/urandom /usr/bin/env /bin/sh /usr/lib/dyld
/usr/local/bin/node /opt/homebrew/bin/git /opt/homebrewx /Applications/Xcode.app/Contents/MacOS/Xcode /Library/Keychains/System.keychain
/Library/Developer/CommandLineTools/usr/bin/git /private/etc/hosts /private/etc/sudoers /private/etc/resolv.conf /private/var/run/docker.sock
/private/var/run/mDNSResponder /private/tmp/com.apple.launchd.x1/Listeners /private/var/run/com.apple.launchd.9/Listeners
/System/Library/Frameworks /System/Volumes/Data/x /private/var/db/mac_runners/lease.json /Library/Preferences/com.apple.dt.Xcode.plist""".split()
AT_HOME = """/ /.ssh/id_ed25519 /.ssh /.sshx /.aws/credentials /.netrc /.gitconfig /.config /.config/git/config /.npm/_cacache /.docker/run/docker.sock
/Library /Library/Caches/pip/x /Library/Caches /Library/Keychains/login.keychain-db /Library/Developer/Xcode/DerivedData/a
/Library/Developer/CoreSimulator/x /work /work/a/b /tmp/x /pub/y /secret/z /other""".split()


def mac(seed: int) -> List[Policy]:
    """The policies of one to three slots; each knows what belongs to the others."""
    dice = random.Random(seed)
    count = dice.randint(1, 3)
    # The name of one home begins as that of another.
    homes = [f"/Users/mac-runners-r-{number}" for number in (1, 10, 2)[:count]]
    # Some of what a slot has is outside of its home.
    belongings = [[home, *([f"/opt/scratch/{number}"] if dice.random() < 0.4 else [])] for number, home in enumerate(homes)]
    return [_policy(dice, number, homes, belongings) for number in range(count)]


def _some(dice: random.Random, values: List[str], most: int) -> List[str]:
    return dice.sample(values, dice.randint(0, min(most, len(values))))


def _policy(dice: random.Random, number: int, homes: List[str], belongings: List[List[str]]) -> Policy:
    home = homes[number]
    others = [path for index, paths in enumerate(belongings) if index != number for path in paths]
    policy: Policy = {"name": f"r-{number + 1}", "home": home, "presets": _some(dice, PRESETS, 4), "others": others}
    policy["work"] = [path + "/work" for path in belongings[number] if dice.random() < 0.8]
    policy["write"] = _some(dice, [home + "/out", home + "/tmp", home + "/work/cache", f"/private/tmp/r{number}", "/private/tmp"], 2)
    policy["read"] = _some(dice, [*COMMON, home, home + "/Documents", "/"], 3)
    policy["execute"] = _some(dice, [*TOOLS, home + "/bin"], 2)
    policy["shared"] = _some(dice, [*(path + "/pub" for path in others), "/opt/shared"], 2)
    policy["deny"] = _some(dice, [home + "/secret", "/opt/cache/secret", "/Library/Acme", "/Users/Shared/x"], 2)
    policy["sockets"] = _some(dice, SOCKETS, 1)
    policy["services"] = _some(dice, SERVICES, 3)
    policy["network"] = dice.choice(["none", "loopback", "ports", "all"])
    if policy["network"] == "ports":
        policy["connect"] = dice.sample([443, 80, "22", "*:8443", "localhost:8080", f"localhost:{20000 + 100 * number}"], dice.randint(1, 4))
    if dice.random() < 0.7:
        first = 20000 + 100 * number
        policy["ports"] = f"{first}-{first + dice.randint(0, 9)}"
    return {field: value for field, value in policy.items() if value != []}


def questions(policies: List[Policy], number: int, seed: int, count: int) -> Iterator[Question]:
    """Some questions to the profile of one slot: about what it has, about what others have, about edges of both."""
    dice = random.Random(seed * 7 + number)
    paths = [*FIXED, *_listed(policies[number])]
    paths += [(policy["home"] + name).rstrip("/") for policy in policies for name in AT_HOME]
    paths += [path + name for path in policies[number].get("others", []) for name in ("", "/pub", "/pub/x", "/work/x")]
    yield from ((operation, None) for operation in dice.sample(BARE, 3))
    for target in dice.sample(TARGETS, 2):
        yield dice.choice(["signal", "process-info-pidinfo", "process-info-codesignature"]), target
    yield "mach-lookup", _service(dice)
    yield dice.choice(["user-preference-read", "user-preference-write"]), dice.choice(["com.apple.dt.Xcode", "com.acme"])
    yield from (_address(dice) for _time in range(4))
    for _time in range(count):
        path = _changed(dice, dice.choice(paths))
        yield dice.choice(ON_PATHS), path


def _listed(policy: Policy) -> List[str]:
    return [path for value in policy.values() if isinstance(value, list) for path in value if str(path).startswith("/")]


def _changed(dice: random.Random, path: str) -> str:
    """The path, something below it, beside it, above it, or the same in another case."""
    kind = dice.randint(0, 9)
    if kind < 4 or path == "/":
        return path
    if kind < 6:
        return path + "/x"
    if kind == 6:
        return path + "x"
    if kind == 7:
        return path.rpartition("/")[0] or "/"
    return path.swapcase() if kind == 8 else path + "/deep/er/still"


def _service(dice: random.Random) -> str:
    return dice.choice(
        [
            "com.apple.trustd",
            "com.apple.secd",
            "com.apple.lsd.mapdb",
            "com.acme.helper",
            "com.apple.SecurityServer",
            "com.apple.bsd.dirhelper",
            "com.apple.system.opendirectoryd.libinfo",
            "com.apple.CoreSimulator.CoreSimulatorService",
            "com.apple.windowserver.active",
        ]
    )


def _address(dice: random.Random) -> Question:
    operation = dice.choice(["network-outbound", "network-outbound", "network-bind", "network-inbound"])
    host = dice.choice(["localhost", "127.0.0.1", "github.com", "10.0.0.7"])
    return operation, f"{host}:{dice.choice([22, 80, 443, 8080, 8443, 20000, 20003, 20100, 20105, 20205, 9])}"
