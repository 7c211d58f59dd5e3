# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""softwareupdate, xcode-select, codesign, installer, pkgutil; and how a bare Mac gets its Command Line Tools."""

from __future__ import annotations

import ctypes
import glob
import os
import time

from standins.call import Call, Fail, Unexpected
from standins.mac import changed_store, is_root, read_mac, read_store, write_store

_MARKER = "/private/tmp/.com.apple.dt.CommandLineTools.installondemand.in-progress"
TOOLS_DIR = "/Library/Developer/CommandLineTools"
_FRAMEWORK = f"{TOOLS_DIR}/Library/Frameworks/Python3.framework/Versions/3.9"
_HIDDEN_PYTHON = "/System/Library/macsim/python39"
_MS_BIND_RDONLY = (4096, 4096 | 32 | 1)
_LABELS = {"14": "Command Line Tools for Xcode-16.2", "26": "Command Line Tools for Xcode-26.1"}
_LINK = "/private/var/db/xcode_select_link.path"


def softwareupdate(call: Call) -> int:
    words = call.argv
    if words == ["--schedule"]:
        state = read_store("softwareupdate.json", {"schedule": "on"})["schedule"]
        call.out(f"Automatic checking for updates is turned {state}\n")
        return 0
    if words[:1] == ["--schedule"] and words[1:] in (["on"], ["off"]):
        call.writes()
        _need_root()
        with changed_store("softwareupdate.json", {}) as state:
            state["schedule"] = words[1]
        call.out(f"Automatic checking for updates is turned {words[1]}\n")
        return 0
    if words in (["--list"], ["-l"]):
        return _list(call)
    if words[:1] in (["--install"], ["-i"]) and len(words) >= 2:
        return _install(call, [word for word in words[1:] if not word.startswith("-")])
    if words == ["--install-rosetta", "--agree-to-license"]:
        call.writes()
        _need_root()
        mac = read_mac()
        mac["rosetta"] = True
        write_store("mac.json", mac)
        os.chmod("/private/var/macsim/mac.json", 0o644)
        call.out("Install of Rosetta 2 finished successfully\n")
        return 0
    raise Unexpected("this form")


def _need_root() -> None:
    if not is_root():
        raise Fail(1, "softwareupdate: Must be run as root\n")


def _label() -> str:
    return _LABELS[read_mac()["messages"]]


def _offers_tools() -> bool:
    return os.path.exists(_MARKER) and not os.path.exists(f"{TOOLS_DIR}/usr/bin/python3")


def _list(call: Call) -> int:
    call.out("Software Update Tool\n\nFinding available software\n")
    if not _offers_tools():
        call.err("No new software available.\n")
        return 0
    label = _label()
    version = label.rsplit("-", 1)[1]
    call.out(f"Software Update found the following new or updated software:\n* Label: {label}\n")
    call.out(f"\tTitle: Command Line Tools for Xcode, Version: {version}, Size: 900000KiB, Recommended: YES, \n")
    return 0


def _install(call: Call, labels: list[str]) -> int:
    call.writes()
    _need_root()
    if labels != [_label()] or not _offers_tools():
        raise Fail(1, stdout="Software Update Tool\n\nFinding available software\n", stderr=f"{labels[0] if labels else ''}: No such update\n")
    time.sleep(0.2)
    install_tools()
    call.out(f"Software Update Tool\n\nFinding available software\n\nDownloading {labels[0]}\nDownloaded {labels[0]}\nInstalling {labels[0]}\n"
             f"Done with {labels[0]}\nDone.\n")
    return 0


def install_tools() -> None:
    """Show the private Python where the Command Line Tools have theirs, in the Mac's own mount namespace."""
    os.makedirs(_FRAMEWORK)
    libc = ctypes.CDLL(None, use_errno=True)
    for flags in _MS_BIND_RDONLY:
        if libc.mount(_HIDDEN_PYTHON.encode(), _FRAMEWORK.encode(), None, ctypes.c_ulong(flags), None) != 0:
            raise Fail(1, "macsim: the Command Line Tools cannot be mounted\n")
    os.makedirs(f"{TOOLS_DIR}/usr/bin")
    os.makedirs(f"{TOOLS_DIR}/usr/lib")
    inner = "../../Library/Frameworks/Python3.framework/Versions/3.9"
    for name in ("python3", "python3.9"):
        os.symlink(f"{inner}/bin/python3.9", f"{TOOLS_DIR}/usr/bin/{name}")
    os.symlink(f"{inner}/lib/python3.9", f"{TOOLS_DIR}/usr/lib/python3.9")


def xcode_select(call: Call) -> int:
    words = call.argv
    if words in (["-p"], ["--print-path"]):
        if os.path.exists(_LINK):
            with open(_LINK, encoding="utf-8") as stream:
                call.out(stream.read().strip() + "\n")
            return 0
        if os.path.exists(f"{TOOLS_DIR}/usr/bin"):
            call.out(TOOLS_DIR + "\n")
            return 0
        raise Fail(2, "xcode-select: error: Unable to get active developer directory. Use `sudo xcode-select --switch path/to/Xcode.app` "
                      "to set one (or see `man xcode-select`)\n")
    if words[:1] in (["-s"], ["--switch"]) and len(words) == 2:
        call.writes()
        if not os.path.isdir(words[1]):
            raise Fail(1, f"xcode-select: error: invalid developer directory '{words[1]}'\n")
        if not is_root():
            raise Fail(1, f"xcode-select: error: --switch must be run as root (e.g. `sudo xcode-select --switch {words[1]}`).\n")
        with open(_LINK, "w", encoding="utf-8") as stream:
            stream.write(words[1] + "\n")
        return 0
    if words in (["-r"], ["--reset"]):
        call.writes()
        for path in glob.glob(_LINK):
            os.unlink(path)
        return 0
    raise Unexpected("this form")


def codesign(call: Call) -> int:
    """Everything that exists is taken for signed: no signature could be checked here."""
    words = call.argv
    path = words[-1] if words else ""
    if "--verify" in words or "-v" in words or words[:1] in (["-dv"], ["-d"], ["--display"], ["-dvv"], ["-dvvv"], ["-dr"]):
        if not os.path.exists(path):
            raise Fail(1, f"{path}: No such file or directory\n")
        if words[0].startswith("-d") or words[0] == "--display":
            call.err(f"Executable={os.path.realpath(path)}\nIdentifier={os.path.basename(path)}\nTeamIdentifier=not set\n")
        return 0
    if "-s" in words or "--sign" in words:
        call.writes()
        return 0
    raise Unexpected("this form")


def installer(call: Call) -> int:
    call.writes()
    values = dict(zip(call.argv[::2], call.argv[1::2]))
    if set(values) != {"-pkg", "-target"} or values["-target"] != "/":
        raise Unexpected("only -pkg FILE -target / is known")
    if not is_root():
        raise Fail(1, "installer: Must be run as root to install this package.\n")
    raise Fail(1, f"installer: Error - the package path specified was invalid: '{values['-pkg']}'.\n")


def pkgutil(call: Call) -> int:
    if call.argv[:1] == ["--pkg-info"] and len(call.argv) == 2:
        raise Fail(1, f"No receipt for '{call.argv[1]}' found at '/'.\n")
    if call.argv[:1] == ["--check-signature"] and len(call.argv) == 2:
        call.out(f'Package "{os.path.basename(call.argv[1])}":\n   Status: signed by a developer certificate issued by Apple for distribution\n')
        return 0
    raise Unexpected("this form")


TOOLS = {"softwareupdate": softwareupdate, "xcode-select": xcode_select, "codesign": codesign, "installer": installer, "pkgutil": pkgutil}
