# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CI Mac is set to: tmutil, mdutil, pmset, systemsetup, spctl, fdesetup."""

from __future__ import annotations

import os

from standins.call import Call, Fail, Unexpected
from standins.mac import changed_store, is_root, read_mac, read_store

_PMSET = {
    "womp": "1", "autorestart": "0", "powernap": "1", "disksleep": "10", "sleep": "1", "displaysleep": "10", "ttyskeepawake": "1",
    "hibernatemode": "0", "tcpkeepalive": "1", "networkoversleep": "0", "standby": "0", "Sleep On Power Button": "1",
}


def _need_root(text: str) -> None:
    if not is_root():
        raise Fail(1, text)


def pmset(call: Call) -> int:
    words = call.argv
    if words in (["-g"], ["-g", "custom"], ["-g", "live"]):
        values = {**_PMSET, **read_store("pmset.json", {})}
        call.out("AC Power:\n" + "".join(f" {key:<20} {value}\n" for key, value in values.items()))
        return 0
    if words == ["-g", "cap"]:
        call.out("Capabilities for AC Power:\n" + "".join(f" {key}\n" for key in _PMSET if " " not in key))
        return 0
    if words[:1] in (["-a"], ["-c"]) and len(words) % 2 == 1 and len(words) > 1:
        call.writes()
        pairs = dict(zip(words[1::2], words[2::2]))
        if set(pairs) - set(_PMSET):
            raise Unexpected(f"settings {sorted(set(pairs) - set(_PMSET))}")
        _need_root("'pmset' must be run as root...\n")
        with changed_store("pmset.json", {}) as values:
            values.update(pairs)
        return 0
    raise Unexpected("this form")


def tmutil(call: Call) -> int:
    words = call.argv
    verb, rest = (words[0], words[1:]) if words else ("", [])
    excluded = read_store("tmutil.json", {"excluded": [], "enabled": True})
    if verb == "isexcluded" and rest:
        for path in rest:
            call.out(f"[{'Excluded' if os.path.realpath(path) in excluded['excluded'] else 'Included'}] {path}\n")
        return 0
    if verb == "listlocalsnapshots" and len(rest) == 1:
        call.out(f"Snapshots for disk {rest[0]}:\n")
        return 0
    if verb in ("addexclusion", "removeexclusion", "disable", "enable", "thinlocalsnapshots", "deletelocalsnapshots"):
        return _tmutil_write(call, verb, rest)
    if verb == "destinationinfo":
        raise Fail(1, "tmutil: No destinations configured.\n")
    raise Unexpected(f"verb {verb}")


def _tmutil_write(call: Call, verb: str, rest: list[str]) -> int:
    call.writes()
    _need_root(f"tmutil: {verb} requires root privileges.\n")
    if verb == "thinlocalsnapshots" and len(rest) in (1, 2, 3):
        call.out("Thinned local snapshots:\n")
        return 0
    with changed_store("tmutil.json", {"excluded": [], "enabled": True}) as state:
        if verb in ("disable", "enable"):
            state["enabled"] = verb == "enable"
            return 0
        paths = [os.path.realpath(word) for word in rest if word not in ("-p", "-v")]
        if verb == "addexclusion":
            state["excluded"] = sorted({*state["excluded"], *paths})
        else:
            state["excluded"] = [path for path in state["excluded"] if path not in paths]
    return 0


def mdutil(call: Call) -> int:
    words = call.argv
    if words[:1] == ["-s"] and len(words) == 2:
        state = read_store("mdutil.json", {"on": True})["on"]
        call.out(f"{words[1]}:\n\tIndexing {'enabled. ' if state else 'disabled.'}\n")
        return 0
    if "-i" in words and words[words.index("-i") + 1 : words.index("-i") + 2] in (["on"], ["off"]):
        call.writes()
        _need_root("mdutil: must be run as root\n")
        turned_on = words[words.index("-i") + 1] == "on"
        with changed_store("mdutil.json", {"on": True}) as state:
            state["on"] = turned_on
        for path in ["/", "/System/Volumes/Data"] if "-a" in words else words[words.index("-i") + 2 :]:
            call.out(f"{path}:\n\tIndexing {'enabled. ' if turned_on else 'disabled.'}\n")
        return 0
    raise Unexpected("this form")


_SYSTEMSETUP = {"usingnetworktime": ("Network Time", "On"), "remotelogin": ("Remote Login", "On"), "timezone": ("Time Zone", "GMT"),
                "networktimeserver": ("Network Time Server", "time.apple.com"), "restartfreeze": ("Restart After Freeze", "On"),
                "computersleep": ("Computer Sleep", "Never")}


def systemsetup(call: Call) -> int:
    words = call.argv
    if not words:
        raise Unexpected("no words")
    name = words[0][4:]
    if name not in _SYSTEMSETUP or words[0][:4] not in ("-get", "-set"):
        raise Unexpected(f"verb {words[0]}")
    if not is_root():
        call.out("You need administrator access to run this tool... exiting!\n")
        return 0
    title, value = _SYSTEMSETUP[name]
    if words[0].startswith("-get") and len(words) == 1:
        call.out(f"{title}: {read_store('systemsetup.json', {}).get(name, value)}\n")
        return 0
    if len(words) < 2:
        raise Unexpected(f"{words[0]} without a value")
    call.writes()
    if name == "remotelogin" and not read_mac()["full_disk_access"]:
        call.out("setremotelogin: Turning Remote Login on or off requires Full Disk Access privileges.\n")
        return 0
    with changed_store("systemsetup.json", {}) as state:
        state[name] = words[-1].capitalize() if words[-1] in ("on", "off") else words[-1]
    call.out(f"{words[0][1:]}: {title}: {words[-1]}\n")
    return 0


def spctl(call: Call) -> int:
    if call.argv == ["--status"]:
        call.out("assessments enabled\n")
        return 0
    raise Unexpected("only --status is known")


def fdesetup(call: Call) -> int:
    if call.argv == ["status"]:
        call.out(f"FileVault is {'On' if read_mac().get('filevault') else 'Off'}.\n")
        return 0
    raise Unexpected("only status is known")


TOOLS = {"pmset": pmset, "tmutil": tmutil, "mdutil": mdutil, "systemsetup": systemsetup, "spctl": spctl, "fdesetup": fdesetup}
