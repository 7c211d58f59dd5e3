# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The small parts that presets are composed of. What each tool needs was observed by the projects that sandbox it.

A path that begins with ``~`` is in the home of the slot.
"""

from __future__ import annotations

import typing as t


class Part(t.NamedTuple):
    """What one kind of tool needs, beside what the others do. ``files`` and ``devices`` are single files; devices are written too."""

    why: str
    read: t.Tuple[str, ...] = ()
    files: t.Tuple[str, ...] = ()
    devices: t.Tuple[str, ...] = ()
    write: t.Tuple[str, ...] = ()
    work: t.Tuple[str, ...] = ()
    execute: t.Tuple[str, ...] = ()
    services: t.Tuple[str, ...] = ()
    #: Operations without a filter.
    operations: t.Tuple[str, ...] = ()
    #: Domains of preferences, read and written.
    preferences: t.Tuple[str, ...] = ()


#: Where libraries are that every process maps.
LIBRARIES = ("/usr/lib", "/System/Library", "/System/Cryptexes", "/System/Volumes/Preboot/Cryptexes", "/Library/Apple")

PARTS: t.Mapping[str, Part] = {
    "process": Part(
        "what every process needs to start",
        read=("/usr", "/bin", "/sbin", *LIBRARIES[1:], "/private/etc/ssl", "/private/var/db/timezone", "/dev/fd"),
        files=(
            "/",
            "/private/var/select/sh",
            "/private/etc/hosts",
            "/private/etc/localtime",
            "/private/etc/passwd",
            "/private/etc/group",
            "/private/etc/protocols",
            "/private/etc/services",
            "/private/etc/shells",
            "/dev/random",
            "/dev/urandom",
        ),
        devices=("/dev/null", "/dev/zero"),
        execute=("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/libexec"),
        services=("accounts",),
        operations=("process-fork", "sysctl-read"),
    ),
    "terminal": Part("programs that ask for a terminal", devices=("/dev/tty", "/dev/ptmx"), services=("temp",), operations=("pseudo-tty",)),
    "tools": Part("Apple's command line tools", execute=("/Library/Developer/CommandLineTools",)),
    "homebrew": Part("Homebrew, in both of its places", execute=("/opt/homebrew", "/usr/local")),
    "git": Part("git and its settings", read=("~/.config/git",), files=("~/.gitconfig", "~/.gitattributes")),
    "python": Part(
        "Python, whose multiprocessing needs semaphores",
        write=("~/Library/Caches/pip",),
        execute=("/Library/Frameworks/Python.framework",),
        operations=("ipc-posix-sem*",),
    ),
    "node": Part("Node.js and npm", write=("~/.npm", "~/Library/Caches/node-gyp"), operations=("mach-host*",)),
    "swift": Part(
        "Swift's compiler and packages",
        write=("~/Library/Caches/org.swift.swiftpm", "~/Library/Caches/org.llvm.clang"),
        services=("swift",),
    ),
    "xcode": Part(
        "xcodebuild and the simulators",
        read=("/Library/Developer/PrivateFrameworks", "/Library/Developer/CoreSimulator"),
        files=("/Library/Preferences/com.apple.dt.Xcode.plist",),
        write=(
            "~/Library/Developer/CoreSimulator",
            "~/Library/Developer/XCTestDevices",
            "~/Library/Developer/CoreDevice",
            "~/Library/Caches/com.apple.dt.Xcode",
        ),
        work=("~/Library/Developer/Xcode",),
        execute=("/Applications/Xcode.app",),
        services=("xcode", "simulator"),
        operations=("job-creation",),
        preferences=("com.apple.dt.Xcode",),
    ),
    "strict": Part("also denies what macOS allows by itself and builds can do without"),
}

PRESETS: t.Mapping[str, t.Tuple[str, ...]] = {
    "build": ("process", "terminal", "tools", "homebrew", "git", "python", "swift"),
    "xcode": ("process", "terminal", "tools", "git", "swift", "xcode"),
    "node": ("process", "terminal", "tools", "homebrew", "git", "node"),
    "strict": ("process", "strict"),
}
#: Parts whose programs make code while they run.
MAKES_CODE = frozenset(("node", "xcode"))

#: Purpose -> Mach services.
SERVICES: t.Mapping[str, t.Tuple[str, ...]] = {
    "accounts": ("com.apple.system.opendirectoryd.libinfo", "com.apple.system.opendirectoryd.membership"),
    "temp": ("com.apple.bsd.dirhelper",),
    "dns": ("com.apple.SystemConfiguration.DNSConfiguration", "com.apple.SystemConfiguration.configd"),
    "tls": ("com.apple.trustd", "com.apple.trustd.agent"),
    "swift": ("com.apple.lsd.mapdb", "com.apple.mobileassetd.v2"),
    "xcode": ("com.apple.remoted.coredevice", "com.apple.CoreDevice.remotepairingd"),
    "simulator": ("com.apple.CoreSimulator.CoreSimulatorService", "com.apple.CoreSimulator.simdiskimaged"),
    "keychain": (
        "com.apple.SecurityServer",
        "com.apple.securityd.xpc",
        "com.apple.security.agent",
        "com.apple.security.authhost",
        "com.apple.secd",
    ),
}
#: The purpose whose services open KEYCHAIN.
KEYCHAIN_PURPOSE = "keychain"
KEYCHAIN = "~/Library/Keychains"

#: What no job gets: keys, tokens, keychains, and sockets of agents and of Docker, which act outside the sandbox.
SECRETS = ("~/.ssh", "~/.gnupg", "~/.aws", "~/.kube", "~/.netrc", "~/.docker", "~/.colima", KEYCHAIN, "/Library/Keychains", "/private/var/run/docker.sock")
#: How the sockets begin that launchd makes for agents; the older place first.
AGENT_SOCKETS = ("/private/tmp/com.apple.launchd.", "/private/var/run/com.apple.launchd.")

#: Without names and certificates there is no internet.
DNS_SOCKET = "/private/var/run/mDNSResponder"
INTERNET_FILES = ("/private/etc/resolv.conf", "/private/var/run/resolv.conf")
INTERNET_PURPOSES = ("dns", "tls")

#: The links at the root, through which people name what is below /private.
LINK_NODES = ("/tmp", "/var", "/etc")


def parts_of(presets: t.Sequence[str]) -> t.Tuple[str, ...]:
    """The parts of some presets, each once; what every process needs comes first, always."""
    return tuple(dict.fromkeys(["process", *(part for preset in presets for part in PRESETS[preset])]))


def at_home(path: str, home: str) -> str:
    """A path of a part as an absolute one."""
    return home + path[1:] if path.startswith("~") else path


def secrets_of(home: str, services: t.Sequence[str]) -> t.Tuple[str, ...]:
    """What is kept from a slot with this home; its own keychain is its own if it is to sign."""
    kept = [path for path in SECRETS if path != KEYCHAIN or KEYCHAIN_PURPOSE not in services]
    return tuple(at_home(path, home) for path in kept)
