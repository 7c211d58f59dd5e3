# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a sandbox policy means, in the plainest way: by the words of docs/sandbox-profiles.md. Shares no code with the collection.

A policy is layers. From the top: secrets and ``deny`` are denied; ``shared`` is read; ``others`` is denied; then what presets and the
other fields allow; and at the bottom what is left. The first layer that a question falls into decides. A path that falls into a layer
only when case is overlooked may or may not: if that makes a difference, the answer is unknown.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

Policy = Dict[str, Any]
Layer = Tuple[str, Callable[[str], bool]]

ALLOW, DENY, UNKNOWN = "allow", "deny", "unknown"

LIBRARIES = ["/usr/lib", "/System/Library", "/System/Cryptexes", "/System/Volumes/Preboot/Cryptexes", "/Library/Apple"]
PROGRAMS = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/libexec"]
SYSTEM = ["/usr", "/bin", "/sbin", *LIBRARIES, "/private/etc/ssl", "/private/var/db/timezone", "/dev/fd"]
FILES = ["/", "/private/var/select/sh", "/dev/random", "/dev/urandom"]
FILES += ["/private/etc/" + name for name in ("hosts", "localtime", "passwd", "group", "protocols", "services", "shells")]
KEYCHAIN = "Library/Keychains"
SECRETS = [".ssh", ".gnupg", ".aws", ".kube", ".netrc", ".docker", ".colima", KEYCHAIN]
SYSTEM_SECRETS = ["/Library/Keychains", "/private/var/run/docker.sock"]
AGENTS = ["/private/tmp/com.apple.launchd.", "/private/var/run/com.apple.launchd."]

EXECUTES = {
    "build": ["/Library/Developer/CommandLineTools", "/opt/homebrew", "/usr/local", "/Library/Frameworks/Python.framework"],
    "xcode": ["/Library/Developer/CommandLineTools", "/Applications/Xcode.app"],
    "node": ["/Library/Developer/CommandLineTools", "/opt/homebrew", "/usr/local"],
    "strict": [],
}
WRITES = {
    "build": ["Library/Caches/pip", "Library/Caches/org.swift.swiftpm", "Library/Caches/org.llvm.clang"],
    "xcode": [
        "Library/Caches/org.swift.swiftpm",
        "Library/Caches/org.llvm.clang",
        "Library/Developer/CoreSimulator",
        "Library/Developer/XCTestDevices",
        "Library/Developer/CoreDevice",
        "Library/Caches/com.apple.dt.Xcode",
    ],
    "node": [".npm", "Library/Caches/node-gyp"],
    "strict": [],
}
READS = {"xcode": ["/Library/Developer/PrivateFrameworks", "/Library/Developer/CoreSimulator"]}
NAMES = {
    "accounts": ["com.apple.system.opendirectoryd.libinfo", "com.apple.system.opendirectoryd.membership"],
    "temp": ["com.apple.bsd.dirhelper"],
    "dns": ["com.apple.SystemConfiguration.DNSConfiguration", "com.apple.SystemConfiguration.configd"],
    "tls": ["com.apple.trustd", "com.apple.trustd.agent"],
    "swift": ["com.apple.lsd.mapdb", "com.apple.mobileassetd.v2"],
    "xcode": ["com.apple.remoted.coredevice", "com.apple.CoreDevice.remotepairingd"],
    "simulator": ["com.apple.CoreSimulator.CoreSimulatorService", "com.apple.CoreSimulator.simdiskimaged"],
    "keychain": [
        "com.apple.SecurityServer",
        "com.apple.securityd.xpc",
        "com.apple.security.agent",
        "com.apple.security.authhost",
        "com.apple.secd",
    ],
}
PURPOSES = {"build": ["temp", "swift"], "xcode": ["temp", "swift", "xcode", "simulator"], "node": ["temp"], "strict": []}
#: Decided without an argument: operation -> whether these presets allow it. None: every policy.
BARE = {
    "process-fork": None,
    "sysctl-read": None,
    "pseudo-tty": {"build", "xcode", "node"},
    "ipc-posix-sem-open": {"build"},
    "mach-host-special-port-set": {"node"},
    "job-creation": {"xcode"},
}
#: Never allowed.
CLOSED = ["sysctl-write", "nvram-get", "nvram-set", "appleevent-send", "file-write-setugid", "ipc-posix-shm-read-data", "iokit-set-properties", "lsopen"]
#: Allowed by macOS unless the preset strict is there.
LEFT_OPEN = ["system-privilege", "iokit-get-properties", "darwin-notification-post", "mach-cross-domain-lookup"]


def got(policy: Policy, field: str) -> List[Any]:
    return list(policy.get(field) or [])


def inside(path: str, directories: List[str]) -> bool:
    return any(one == "/" or path == one or path[: len(one) + 1] == one + "/" for one in directories)


def home(policy: Policy, names: List[str]) -> List[str]:
    return [policy["home"] + "/" + name for name in names]


def of_presets(policy: Policy, table: Dict[str, List[str]]) -> List[str]:
    return [entry for preset in got(policy, "presets") for entry in table.get(preset, [])]


def has_keychain(policy: Policy) -> bool:
    return "keychain" in got(policy, "services")


def kept(policy: Policy) -> List[str]:
    names = [name for name in SECRETS if not (name == KEYCHAIN and has_keychain(policy))]
    return home(policy, names) + SYSTEM_SECRETS + got(policy, "deny")


def work(policy: Policy) -> List[str]:
    xcode = home(policy, ["Library/Developer/Xcode"]) if "xcode" in got(policy, "presets") else []
    return got(policy, "work") + xcode


def written(policy: Policy) -> List[str]:
    keychain = home(policy, [KEYCHAIN]) if has_keychain(policy) else []
    return work(policy) + got(policy, "write") + home(policy, of_presets(policy, WRITES)) + keychain


def executed(policy: Policy) -> List[str]:
    return PROGRAMS + work(policy) + got(policy, "execute") + of_presets(policy, EXECUTES)


def read_below(policy: Policy) -> List[str]:
    git = home(policy, [".config/git"]) if {"build", "xcode", "node"} & set(got(policy, "presets")) else []
    return SYSTEM + git + got(policy, "read") + of_presets(policy, READS) + executed(policy) + written(policy)


def terminals(policy: Policy) -> List[str]:
    return ["/dev/tty", "/dev/ptmx"] if {"build", "xcode", "node"} & set(got(policy, "presets")) else []


def single_files(policy: Policy) -> List[str]:
    found = FILES + ["/dev/null", "/dev/zero"] + terminals(policy)
    if terminals(policy):
        found += home(policy, [".gitconfig", ".gitattributes"])
    if "xcode" in got(policy, "presets"):
        found.append("/Library/Preferences/com.apple.dt.Xcode.plist")
    if internet(policy):
        found += ["/private/etc/resolv.conf", "/private/var/run/resolv.conf"]
    return found


def internet(policy: Policy) -> bool:
    beyond = [one for one in got(policy, "connect") if not str(one).startswith("localhost:")]
    return policy.get("network") == "all" or bool(beyond)


def is_terminal(policy: Policy, path: str) -> bool:
    return bool(terminals(policy)) and path[:9] == "/dev/ttys" and path[9:] != "" and all(letter in "0123456789" for letter in path[9:])


def above(paths: List[str]) -> List[str]:
    found = []
    for path in paths:
        while path not in ("/", ""):
            path = path.rpartition("/")[0] or "/"
            found.append(path)
    return found


def followed(path: str, operation: str) -> str:
    """Links at the root are followed, but where the link itself is looked at or removed."""
    for link in ("/tmp", "/var", "/etc"):
        if path == link and operation in ("file-read-metadata", "file-write-unlink"):
            return path
        if path == link or path[: len(link) + 1] == link + "/":
            return "/private" + path
    return path


def answer(layers: List[Layer], path: str, bottom: str) -> str:
    possible = set()
    for action, holds in layers:
        if holds(path):
            return action if not possible - {action} else UNKNOWN
        # The layers know how to compare without regard to case.
        if holds("\0" + path.lower()):
            possible.add(action)
    return bottom if not possible - {bottom} else UNKNOWN


def below(action: str, directories: List[str]) -> Layer:
    def holds(path: str) -> bool:
        return inside(path[1:], [one.lower() for one in directories]) if path[0] == "\0" else inside(path, directories)

    return action, holds


def exactly(action: str, paths: List[str]) -> Layer:
    def holds(path: str) -> bool:
        return path[1:] in [one.lower() for one in paths] if path[0] == "\0" else path in paths

    return action, holds


def beginning(action: str, starts: List[str]) -> Layer:
    def holds(path: str) -> bool:
        wanted = [one.lower() for one in starts] if path[0] == "\0" else starts
        return any(path.lstrip("\0").startswith(one) for one in wanted)

    return action, holds


def terminal_layer(policy: Policy) -> Layer:
    return ALLOW, lambda path: is_terminal(policy, path.lstrip("\0"))


def about_path(policy: Policy, operation: str, path: str) -> str:
    top = [below(DENY, kept(policy))]
    if operation == "file-write-unlink":
        guarded = above(kept(policy) + got(policy, "others"))
        top = [exactly(DENY, [one for one in guarded if not inside(one, kept(policy) + got(policy, "others"))]), *top]
    if operation.startswith("file-read"):
        top.append(below(ALLOW, got(policy, "shared")))
    top.append(below(DENY, got(policy, "others")))
    bottom = ALLOW if operation == "file-map-executable" and "strict" not in got(policy, "presets") else DENY
    return answer(top + opened(policy, operation), path, bottom)


def opened(policy: Policy, operation: str) -> List[Layer]:
    devices = ["/dev/null", "/dev/zero", *terminals(policy)]
    if operation.startswith("file-read"):
        found = [below(ALLOW, read_below(policy)), exactly(ALLOW, single_files(policy)), terminal_layer(policy)]
        if operation == "file-read-metadata":
            way = above(read_below(policy) + single_files(policy) + got(policy, "shared")) + [policy["home"], *above([policy["home"]])]
            found.append(exactly(ALLOW, [one for one in way if not inside(one, got(policy, "others"))] + ["/tmp", "/var", "/etc"]))
        return found
    if operation == "file-write-data":
        return [below(ALLOW, written(policy)), exactly(ALLOW, devices), terminal_layer(policy)]
    if operation == "file-ioctl":
        return [exactly(ALLOW, devices), terminal_layer(policy)]
    if operation.startswith("file-write") or operation == "file-link":
        return [below(ALLOW, written(policy))]
    if operation == "file-clone":
        return [below(ALLOW, read_below(policy))]
    if operation == "process-exec":
        return [below(ALLOW, executed(policy))]
    if operation == "file-map-executable":
        return [below(ALLOW, LIBRARIES + executed(policy))] if "strict" in got(policy, "presets") else []
    raise KeyError(operation)


def about_socket(policy: Policy, operation: str, path: str) -> str:
    layers = [below(DENY, kept(policy)), below(DENY, got(policy, "others")), below(ALLOW, written(policy))]
    if operation == "network-outbound":
        names = ["/private/var/run/mDNSResponder"] if internet(policy) else []
        layers = [beginning(DENY, AGENTS), *layers, exactly(ALLOW, got(policy, "sockets") + names)]
    return answer(layers, path, DENY)


def about_address(policy: Policy, operation: str, address: str) -> str:
    host, _colon, number = address.rpartition(":")
    port, own = int(number), host in ("localhost", "127.0.0.1")
    network = policy.get("network") or "none"
    first, _dash, last = (policy.get("ports") or "1-0").partition("-")
    mine = int(first) <= port <= int(last)
    if operation != "network-outbound":
        return ALLOW if mine and network != "none" else DENY
    if network in ("none", "loopback", "all"):
        return ALLOW if network == "all" or (network == "loopback" and own) else DENY
    listed = [str(one) for one in got(policy, "connect")]
    return ALLOW if str(port) in listed or f"*:{port}" in listed or (own and (f"localhost:{port}" in listed or mine)) else DENY


def about_service(policy: Policy, name: str) -> str:
    purposes = ["accounts", *of_presets(policy, PURPOSES), *(["dns", "tls"] if internet(policy) else [])]
    listed = got(policy, "services")
    names = [one for purpose in [*purposes, *listed] for one in NAMES.get(purpose, [purpose])]
    return answer([exactly(ALLOW, names)], name, DENY)


def about_nothing(policy: Policy, operation: str) -> Optional[str]:
    presets = set(got(policy, "presets"))
    if operation in BARE:
        wanted = BARE[operation]
        return ALLOW if wanted is None or wanted & presets else DENY
    if operation in CLOSED:
        return DENY
    if operation in LEFT_OPEN:
        return DENY if "strict" in presets else ALLOW
    if operation == "dynamic-code-generation":
        return DENY if "strict" in presets and not presets & {"node", "xcode"} else ALLOW
    if operation == "socket-ioctl":
        return DENY if "strict" in presets and (policy.get("network") or "none") == "none" else ALLOW
    if operation == "file-test-existence":
        return ALLOW
    return None


def judge(policy: Policy, operation: str, argument: Optional[str]) -> str:
    """allow, deny or unknown."""
    simple = about_nothing(policy, operation)
    if simple is not None:
        return simple
    if argument is None:
        raise KeyError(operation)
    if operation == "mach-lookup":
        return about_service(policy, argument)
    if operation in ("user-preference-read", "user-preference-write"):
        return answer([exactly(ALLOW, ["com.apple.dt.Xcode"] if "xcode" in got(policy, "presets") else [])], argument, DENY)
    if operation in ("signal", "process-info-pidinfo", "process-info-codesignature"):
        # Whether others are of the same sandbox was not said.
        return ALLOW if argument in ("self", "same-sandbox") else UNKNOWN
    if operation.startswith("network-"):
        if argument[0] != "/":
            return about_address(policy, operation, argument)
        return about_socket(policy, operation, followed(argument, operation))
    return about_path(policy, operation, followed(argument, operation))
