# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""security (keychains) and pfctl (packet filter anchors)."""

from __future__ import annotations

import json
import os
import pwd
import sys
from pathlib import Path
from typing import Any

from standins.call import Call, Fail, Unexpected
from standins.mac import changed_store, is_root, read_store
from standins.options import take_flags

_NO_KEYCHAIN = (50, "The specified keychain could not be found.\n")
_WRONG_PASSWORD = (51, "The user name or passphrase you entered is not correct.\n")
_NO_INTERACTION = (36, "User interaction is not allowed.\n")


def security(call: Call) -> int:
    if not call.argv:
        raise Unexpected("no verb")
    handler = _VERBS.get(call.argv[0])
    if handler is None:
        raise Unexpected(f"verb {call.argv[0]}")
    if call.argv[0] not in ("list-keychains", "default-keychain", "login-keychain", "find-generic-password", "show-keychain-info"):
        call.writes()
    return handler(call, call.argv[1:])


def _keychain(name: str) -> Path:
    """A keychain file by name or path; names without a directory are the user's own."""
    path = Path(name)
    if not path.is_absolute():
        path = Path(pwd.getpwuid(os.geteuid()).pw_dir) / "Library/Keychains" / name
    return path.with_name(path.name.removesuffix("-db") + "-db")


def _load(name: str) -> dict[str, Any]:
    try:
        return json.loads(_keychain(name).read_text())
    except FileNotFoundError:
        raise Fail(_NO_KEYCHAIN[0], f"security: SecKeychainOpen {name}: {_NO_KEYCHAIN[1]}") from None


def _save(name: str, content: dict[str, Any]) -> None:
    path = _keychain(name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(json.dumps(content))
    path.chmod(0o600)


def _create(call: Call, words: list[str]) -> int:
    dummy, values, rest = take_flags(words, "P", "p")
    if len(rest) != 1:
        raise Unexpected("one keychain")
    if _keychain(rest[0]).exists():
        raise Fail(48, f"security: SecKeychainCreate {rest[0]}: A keychain with the same name already exists.\n")
    _save(rest[0], {"password": values.get("p", ""), "unlocked": True, "settings": {}, "items": []})
    return 0


def _unlock(call: Call, words: list[str]) -> int:
    dummy, values, rest = take_flags(words, "u", "p")
    name = rest[0] if rest else "login.keychain"
    content = _load(name)
    if "p" not in values:
        values["p"] = sys.stdin.readline().rstrip("\n")
    if values["p"] != content["password"]:
        raise Fail(_WRONG_PASSWORD[0], f"security: SecKeychainUnlock {name}: {_WRONG_PASSWORD[1]}")
    content["unlocked"] = True
    _save(name, content)
    return 0


def _lock(call: Call, words: list[str]) -> int:
    flags, dummy, rest = take_flags(words, "a")
    for name in rest or ["login.keychain"]:
        _save(name, {**_load(name), "unlocked": False})
    return 0


def _settings(call: Call, words: list[str]) -> int:
    flags, values, rest = take_flags(words, "lu", "t")
    if len(rest) != 1:
        raise Unexpected("one keychain")
    content = _load(rest[0])
    if not content["unlocked"]:
        raise Fail(_NO_INTERACTION[0], f"security: SecKeychainSetSettings {rest[0]}: {_NO_INTERACTION[1]}")
    content["settings"] = {"lock_on_sleep": "l" in flags, "timeout": int(values["t"]) if "t" in values else None}
    _save(rest[0], content)
    return 0


def _partition(call: Call, words: list[str]) -> int:
    flags, values, rest = take_flags(words, "s", "SkDtl")
    content = _load(rest[0] if rest else "login.keychain")
    if values.get("k") != content["password"]:
        raise Fail(_WRONG_PASSWORD[0], f"security: SecKeychainUnlock: {_WRONG_PASSWORD[1]}")
    return 0


def _list(call: Call, words: list[str]) -> int:
    return _pointer(call, words, "list")


def _default(call: Call, words: list[str]) -> int:
    return _pointer(call, words, "default")


def _login(call: Call, words: list[str]) -> int:
    return _pointer(call, words, "login")


def _pointer(call: Call, words: list[str], what: str) -> int:
    """list-keychains, default-keychain, login-keychain: show or set (-s) in the user's own preferences."""
    flags, values, rest = take_flags(words, "s", "d")
    store = Path(pwd.getpwuid(os.geteuid()).pw_dir) / "Library/Preferences/com.apple.security.plist.json"
    content = json.loads(store.read_text()) if store.exists() else {}
    if "s" in flags:
        call.writes()
        content[what] = [str(_keychain(name)) for name in rest]
        store.parent.mkdir(parents=True, exist_ok=True)
        store.write_text(json.dumps(content))
        return 0
    call.out("".join(f'    "{path}"\n' for path in content.get(what, [str(_keychain("login.keychain"))])))
    return 0


def _delete(call: Call, words: list[str]) -> int:
    for name in words:
        _load(name)
        _keychain(name).unlink()
    return 0


def _info(call: Call, words: list[str]) -> int:
    name = words[0] if words else "login.keychain"
    content = _load(name)
    if not content["unlocked"]:
        raise Fail(_NO_INTERACTION[0], f"security: SecKeychainCopySettings {name}: {_NO_INTERACTION[1]}")
    timeout = content["settings"].get("timeout")
    call.err(f'Keychain "{name}" {f"timeout={timeout}s" if timeout else "no-timeout"}\n')
    return 0


def _find(call: Call, words: list[str]) -> int:
    raise Fail(44, "security: SecKeychainSearchCopyNext: The specified item could not be found in the keychain.\n")


_VERBS = {
    "create-keychain": _create, "unlock-keychain": _unlock, "lock-keychain": _lock, "set-keychain-settings": _settings,
    "set-key-partition-list": _partition, "list-keychains": _list, "default-keychain": _default, "login-keychain": _login,
    "delete-keychain": _delete, "show-keychain-info": _info, "find-generic-password": _find,
}
_NO_ALTQ = "No ALTQ support in kernel\nALTQ related functions disabled\n"
_EMPTY_PF: dict[str, Any] = {"anchors": {}, "tokens": []}


def pfctl(call: Call) -> int:
    """Anchors and their rules; -E and -X count who wants the filter on. Nothing is filtered."""
    flags, values, rest = take_flags(call.argv, "nEedqv", "asfFXkKt")
    if rest:
        raise Unexpected(f"words {rest}")
    if not is_root():
        raise Fail(1, "pfctl: /dev/pf: Permission denied\n")
    anchor = values.get("a", "")
    if "s" in values:
        return _pf_show(call, values["s"], anchor)
    call.writes()
    with changed_store("pf.json", dict(_EMPTY_PF)) as state:
        return _pf_change(call, flags, values, anchor, state)


def _pf_show(call: Call, what: str, anchor: str) -> int:
    state = read_store("pf.json", _EMPTY_PF)
    if what in ("rules", "r"):
        call.err(_NO_ALTQ)
        call.out("".join(f"{rule}\n" for rule in state["anchors"].get(anchor, [])))
    elif what in ("info", "i"):
        word = "Enabled" if state["tokens"] else "Disabled"
        call.out(f"Status: {word} for 0 days 00:00:01           Debug: Urgent\n")
    elif what in ("Anchors", "A"):
        call.out("".join(f"  {name}\n" for name in sorted(state["anchors"]) if name.startswith(anchor)))
    elif what in ("References",):
        call.out("".join(f"{token}\n" for token in state["tokens"]))
    else:
        raise Unexpected(f"-s {what}")
    return 0


def _pf_change(call: Call, flags: set[str], values: dict[str, str], anchor: str, state: dict[str, Any]) -> int:
    if "f" in values:
        rules = _pf_read(values["f"])
        call.err(_NO_ALTQ)
        if "n" not in flags:
            state["anchors"][anchor] = rules
    elif "F" in values:
        if not anchor:
            raise Unexpected("flush of everybody's rules")
        state["anchors"].pop(anchor, None)
        call.err("rules cleared\n")
    if "E" in flags:
        token = str(1234567890 + len(state["tokens"]))
        state["tokens"].append(token)
        call.err(f"{_NO_ALTQ}pf enabled\nToken : {token}\n")
    if "X" in values:
        if values["X"] not in state["tokens"]:
            raise Fail(1, "pfctl: invalid token\n")
        state["tokens"].remove(values["X"])
        call.err("disable request successful\n")
    if "d" in flags or "e" in flags:
        raise Unexpected("-d and -e turn the filter off or on for everybody")
    return 0


def _pf_read(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as stream:
            lines = [line.strip() for line in stream]
    except OSError as error:
        raise Fail(1, f"pfctl: {path}: {error.strerror}\n") from None
    rules = [line for line in lines if line and not line.startswith("#")]
    for number, line in enumerate(rules, 1):
        if not line.startswith(("block", "pass", "table", "anchor", "load anchor", "set", "scrub", "nat", "rdr", "no ")) and "=" not in line:
            raise Fail(1, f"{path}:{number}: syntax error\npfctl: Syntax error in config file: pf rules not loaded\n")
    return rules


TOOLS = {"security": security, "pfctl": pfctl}
