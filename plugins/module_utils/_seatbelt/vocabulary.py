# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The names of the profile language that are no operations: filters, what they take, modifiers, constants."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.operations import MODELS

# name, what it takes, since, until
_FILTERS = """
%entitlement-boolean bool 10.12 14.4
%entitlement-is-bool-true any 14.4 14.4
%entitlement-is-present any 14.4 14.4
%entitlement-load string 10.12 14.4
%entitlement-string pattern 10.12 14.4
ancestor-signing-identifier pattern 10.14 14.4
appleevent-destination pattern 10.12 14.4
boot-arg pattern 10.12 14.4
codesigning-operation any 14.4 14.4
control-name pattern 10.12 14.4
csr keyword 10.12 14.4
datavault-disk-filter bool 10.13 14.4
datavault-file-filter bool 10.13 10.13
device-conforms-to string 10.12 14.4
device-major keyword 10.12 14.4
device-minor keyword 10.12 14.4
extension string 10.12 14.4
extension-class pattern 10.12 14.4
extension-path-ancestor bool 10.13 14.4
fcntl-command any 14.4 14.4
file-attribute keyword 10.14 14.4
file-mode number 10.12 14.4
fileprovider-syncroot-path any 14.4 14.4
filesystem-name pattern 10.12 14.4
fsctl-command keyword 10.12 14.4
global-name pattern 10.12 14.4
host-special-port keyword 10.12 14.4
info-type pattern 10.12 14.4
ioctl-command keyword 10.12 14.4
iokit-connection pattern 10.12 14.4
iokit-method-number any 14.4 14.4
iokit-property pattern 10.12 14.4
iokit-registry-entry-attribute keyword 10.15 14.4
iokit-registry-entry-class pattern 10.12 14.4
iokit-trap-number any 14.4 14.4
iokit-usb-interface-class keyword 10.14 14.4
iokit-usb-interface-subclass keyword 10.14 14.4
iokit-user-client-type any 14.4 14.4
ipc-posix-name pattern 10.12 14.4
kas-info-selector any 14.4 14.4
kernel-mig-routine any 14.4 14.4
kext-bundle-id pattern 10.12 14.4
local network 10.12 14.4
local-name pattern 10.12 14.4
mac-policy-name any 14.4 14.4
mac-syscall-number any 14.4 14.4
mach-derived-port-role any 14.4 14.4
machtrap-number any 14.4 14.4
memorystatus-control-command any 14.4 14.4
message-name any 14.4 14.4
message-number any 14.4 14.4
mount-relative-path path 10.12 14.4
mount-root-path any 14.4 14.4
necp-client-action any 14.4 14.4
notification-name pattern 10.12 14.4
notification-payload bool 10.12 14.4
nvram-variable pattern 10.12 14.4
path path 10.12 14.4
persona-type keyword 10.15 14.4
preference-domain pattern 10.12 14.4
privilege-id keyword 10.12 14.4
process-attribute keyword 10.12 14.4
process-path path 10.12 14.4
reboot-flags number 10.13 14.4
remote network 10.12 14.4
require-ancestor-with-entitlement string 10.14 14.4
require-responsible-binary-with-entitlement any 14.4 14.4
require-target-with-entitlement string 10.15 14.4
right-name pattern 10.12 14.4
rootless-boot-device-filter bool 10.12 14.4
rootless-disk-filter bool 10.12 14.4
rootless-file-filter bool 10.12 10.13
rootless-proc-filter bool 10.12 10.13
semaphore-owner keyword 10.12 14.4
signal-number keyword 10.13 14.4
signing-identifier pattern 10.13 14.4
snapshot-name any 14.4 14.4
socket-domain keyword 10.12 14.4
socket-option-level any 14.4 14.4
socket-option-name any 14.4 14.4
socket-protocol keyword 10.12 14.4
socket-type keyword 10.12 14.4
state-flag any 14.4 14.4
storage-class string 10.14 14.4
storage-class-extension bool 10.14 14.4
syscall-mask keyword 10.15 10.15
syscall-number keyword 10.15 14.4
sysctl-name pattern 10.12 14.4
system-attribute keyword 10.12 14.4
target keyword 10.12 14.4
target-signing-identifier pattern 10.13 14.4
task-special-port any 14.4 14.4
uid keyword 10.12 14.4
user-intent-extension bool 10.15 14.4
vnode-type keyword 10.12 14.4
xattr pattern 10.12 14.4
xpc-service-name pattern 10.13 14.4
"""
_ALIASES = {"from": "local", "to": "remote", "iokit-user-client-class": "iokit-registry-entry-class"}
#: How a filter compares -> endings of its name.
_HOW = {"pattern": ("prefix", "regex"), "path": ("prefix", "subpath", "regex")}
#: Names of the filters on the path of a file.
_PATHS = {
    "literal": "literal",
    "path": "literal",
    "path-literal": "literal",
    "prefix": "prefix",
    "path-prefix": "prefix",
    "subpath": "subpath",
    "path-subpath": "subpath",
    "regex": "regex",
    "path-regex": "regex",
}
#: Filters of filters.
JOINTS = frozenset(("require-all", "require-any", "require-not"))
MODIFIERS = frozenset(
    (
        "report",
        "no-report",
        "no-log",
        "no-sandbox",
        "no-profile",
        "send-signal",
        "termination",
        "message",
        "grant",
        "rootless",
        "no-times",
        "default-sandbox",
        "telemetry",
        "partial-symbolication",
        "no-callout",
    )
)
_CONSTANTS = frozenset(
    (
        "ip ip4 ip6 tcp tcp4 tcp6 udp udp4 udp6 unix unix-socket self pgrp others children same-sandbox initproc platform-binary "
        "REGULAR-FILE DIRECTORY BLOCK-DEVICE CHARACTER-DEVICE SYMLINK SOCKET FIFO TTY apple-internal sandbox-debug-mode "
        "sip-protected datavault time-machine-backup time-machine-device local-filesystem root-filesystem snapshot removable-media "
        "disk-image sip-protected-filesystem removable-device disk-image-device sip-protected-device protected-ancestor "
        "network-approval-exempt smb-home-mount-dir fileprovider-owned is-plugin is-installer is-restricted is-initproc "
        "is-platform-binary is-sandboxed is-nvram-privileged is-sandcastle-constrained is-datavault-controller "
        "is-apple-signed-executable ioservice-requires-approval IPPROTO_TCP IPPROTO_UDP"
    ).split()
)
#: Constants of which there are hundreds are known by how they begin.
_FAMILIES = tuple(
    "SIG AF_ pseudo_AF_ SOCK_ PRIV_ CSR_ HOST_ PERSONA_ SYS_ FSIOC_ APFS HFSIOC_ DTDB afpfs smbfs FIO DKIOC NFS_IOC_ FSEVENTS_ "
    "CTLIOCG SIOC kUSB".split()
)


class Filter(t.NamedTuple):
    """What a name of a filter means: the filter, how it compares (empty where there is one way only), what it takes."""

    name: str
    how: str
    takes: str


@functools.lru_cache(maxsize=None)
def filters_of(model: str) -> t.Mapping[str, Filter]:
    """The filters of a model by every name that they have."""
    found: t.Dict[str, Filter] = {}
    for name, takes, since, until in _rows():
        if MODELS.index(since) <= MODELS.index(model) <= MODELS.index(until):
            found.update(_named(name, takes))
    found.update((alias, found[name]) for alias, name in _ALIASES.items() if name in found)
    found.update((name, Filter("path", how, "path")) for name, how in _PATHS.items())
    return found


def ever_known(name: str) -> bool:
    """Whether any version has a filter of this name."""
    return any(name in filters_of(model) for model in MODELS)


def is_constant(name: str) -> bool:
    """Whether it is a constant that filters take."""
    return name in _CONSTANTS or name.startswith(_FAMILIES)


@functools.lru_cache(maxsize=None)
def _rows() -> t.Tuple[t.Tuple[str, str, str, str], ...]:
    return tuple(t.cast(t.Tuple[str, str, str, str], tuple(line.split(" "))) for line in _FILTERS.split("\n") if line)


def _named(name: str, takes: str) -> t.Dict[str, Filter]:
    names = {name: Filter(name, "literal" if takes in _HOW else "", takes)}
    names.update((f"{name}-{how}", Filter(name, how, takes)) for how in _HOW.get(takes, ()))
    return names
