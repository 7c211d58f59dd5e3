# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""plutil and defaults."""

from __future__ import annotations

import json
import os
import plistlib
import pwd
import re
import sys
import time
from typing import Any

from standins.call import Call, Fail, Unexpected


def plutil(call: Call) -> int:
    argv = list(call.argv)
    if argv[:1] == ["-lint"]:
        return max([_lint(call, path) for path in argv[1:] if path not in ("-s", "--")], default=1)
    if argv[:1] == ["-convert"] and len(argv) >= 3:
        return _convert(call, argv[1], argv[2:])
    if argv[:1] == ["-extract"] and len(argv) >= 4:
        return _extract(call, argv[1], argv[2], argv[3:])
    if argv[:1] == ["-p"] and len(argv) == 2:
        call.out(json.dumps(_load(argv[1]), indent=2, separators=(",", " => "), default=str) + "\n")
        return 0
    raise Unexpected("this form")


def _load(path: str) -> Any:
    try:
        with open(path, "rb") if path != "-" else os.fdopen(0, "rb") as stream:
            return plistlib.loads(stream.read())
    except OSError:
        raise Fail(1, f"{path}: file does not exist or is not readable or is not a regular file\n") from None
    except Exception:
        raise Fail(1, stdout=f"{path}: (Encountered unexpected EOF while parsing property list)\n") from None


def _lint(call: Call, path: str) -> int:
    _load(path)
    call.out(f"{path}: OK\n")
    return 0


def _output(words: list[str]) -> tuple[str | None, str]:
    """Where to write and what to read."""
    if words[:1] == ["-o"] and len(words) >= 3:
        return words[1], words[2] if words[2] != "--" else words[3]
    return None, words[-1]


def _convert(call: Call, kind: str, words: list[str]) -> int:
    target, source = _output(words)
    value = _load(source)
    if kind == "json":
        try:
            data = json.dumps(value, separators=(",", ":")).encode()
        except TypeError:
            raise Fail(1, f"{source}: invalid object in plist for destination format\n") from None
    elif kind in ("xml1", "binary1"):
        data = plistlib.dumps(value, fmt=plistlib.FMT_XML if kind == "xml1" else plistlib.FMT_BINARY)
    else:
        raise Unexpected(f"format {kind}")
    _write(call, target or source, data)
    return 0


def _write(call: Call, target: str, data: bytes) -> None:
    if target == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
    else:
        call.writes()
        with open(target, "wb") as stream:
            stream.write(data)


def _extract(call: Call, keypath: str, kind: str, words: list[str]) -> int:
    target, source = _output(words)
    value = _load(source)
    for key in keypath.split("."):
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, ValueError, TypeError):
            raise Fail(1, f"{source}: Could not extract value, error: No value at that key path or invalid key path: {keypath}\n") from None
    if kind == "raw":
        text = str(value).lower() if isinstance(value, bool) else str(len(value)) if isinstance(value, (list, dict)) else str(value)
        _write(call, target or "-", (text + "\n").encode())
    elif kind == "json":
        _write(call, target or "-", json.dumps(value).encode())
    elif kind == "xml1":
        _write(call, target or "-", plistlib.dumps(value))
    else:
        raise Unexpected(f"format {kind}")
    return 0


def _path(domain: str) -> str:
    if domain in ("NSGlobalDomain", "-g", "-globalDomain", "Apple Global Domain"):
        domain = ".GlobalPreferences"
    if domain.startswith("/"):
        return domain if domain.endswith(".plist") else f"{domain}.plist"
    # Of the effective user, whatever sudo left in HOME.
    return f"{pwd.getpwuid(os.geteuid()).pw_dir}/Library/Preferences/{domain}.plist"


def _preferences(domain: str) -> dict[str, Any]:
    try:
        with open(_path(domain), "rb") as stream:
            return plistlib.load(stream)
    except (OSError, plistlib.InvalidFileException):
        return {}


def _missing(domain: str, key: str | None) -> Fail:
    stamp = f"{time.strftime('%Y-%m-%d %H:%M:%S.000')} defaults[{os.getpid()}:1] \n"
    if key is None:
        return Fail(1, f"{stamp}Domain {domain} does not exist\n")
    return Fail(1, f"{stamp}The domain/default pair of ({domain}, {key}) does not exist\n")


def defaults(call: Call) -> int:
    argv = list(call.argv)
    if argv[:1] in (["-currentHost"],):
        argv.pop(0)
    if len(argv) < 2:
        raise Unexpected("verb and domain")
    verb, domain, rest = argv[0], argv[1], argv[2:]
    if verb == "read" and len(rest) <= 1:
        return _defaults_read(call, domain, rest[0] if rest else None)
    if verb == "read-type" and len(rest) == 1:
        return _defaults_type(call, domain, rest[0])
    if verb == "write" and len(rest) >= 2:
        return _defaults_write(call, domain, rest[0], rest[1:])
    if verb == "delete" and len(rest) <= 1:
        return _defaults_delete(call, domain, rest[0] if rest else None)
    raise Unexpected(f"verb {verb}")


def _defaults_read(call: Call, domain: str, key: str | None) -> int:
    values = _preferences(domain)
    if key is None:
        if not values:
            raise _missing(domain, None)
        call.out(_old_style(values, 0) + "\n")
        return 0
    if key not in values:
        raise _missing(domain, key)
    value = values[key]
    call.out((value if isinstance(value, str) else _old_style(value, 0)) + "\n")
    return 0


def _old_style(value: Any, depth: int) -> str:
    pad = "    " * (depth + 1)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, dict):
        rows = "".join(f"{pad}{_word(key)} = {_old_style(item, depth + 1)};\n" for key, item in sorted(value.items()))
        return "{\n" + rows + "    " * depth + "}"
    if isinstance(value, list):
        return "(\n" + ",\n".join(f"{pad}{_old_style(item, depth + 1)}" for item in value) + "\n" + "    " * depth + ")"
    return _word(str(value))


def _word(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_]+", text) else json.dumps(text)


_TYPES = {bool: "boolean", int: "integer", float: "float", str: "string", list: "array", dict: "dictionary", bytes: "data"}


def _defaults_type(call: Call, domain: str, key: str) -> int:
    values = _preferences(domain)
    if key not in values:
        raise _missing(domain, key)
    call.out(f"Type is {_TYPES[type(values[key])]}\n")
    return 0


def _value(words: list[str]) -> Any:
    kind, rest = (words[0], words[1:]) if words[0].startswith("-") and len(words) > 1 or words[0] in ("-array", "-dict") else ("-string", words)
    if kind in ("-bool", "-boolean") and len(rest) == 1 and rest[0].lower() in ("true", "false", "yes", "no", "1", "0"):
        return rest[0].lower() in ("true", "yes", "1")
    if kind in ("-int", "-integer") and len(rest) == 1:
        return int(rest[0])
    if kind == "-float" and len(rest) == 1:
        return float(rest[0])
    if kind == "-string" and len(rest) == 1:
        return rest[0]
    if kind == "-array":
        return list(rest)
    if kind == "-dict" and len(rest) % 2 == 0:
        return dict(zip(rest[::2], rest[1::2]))
    raise Unexpected(f"value {words}")


def _defaults_write(call: Call, domain: str, key: str, words: list[str]) -> int:
    call.writes()
    values = _preferences(domain)
    if words[0] == "-array-add":
        values[key] = [*values.get(key, []), *words[1:]]
    else:
        values[key] = _value(words)
    _save(domain, values)
    return 0


def _defaults_delete(call: Call, domain: str, key: str | None) -> int:
    call.writes()
    values = _preferences(domain)
    if (key is not None and key not in values) or not values:
        raise _missing(domain, key)
    if key is None:
        os.unlink(_path(domain))
        return 0
    del values[key]
    _save(domain, values)
    return 0


def _save(domain: str, values: dict[str, Any]) -> None:
    path = _path(domain)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            plistlib.dump(values, stream, fmt=plistlib.FMT_BINARY)
    except OSError:
        raise Fail(1, f"defaults[{os.getpid()}:1] Could not write domain {domain}; exiting\n") from None


TOOLS = {"plutil": plutil, "defaults": defaults}
