# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The operations that a profile can rule on, by version of macOS: parents, built-in actions, kinds of argument.

10.12 to 10.15 as libsandbox has them; 14.4 by its names, with parents that are partly not known.
"""

from __future__ import annotations

import functools
import typing as t

#: Versions for which there is a table. What is newer than the last is judged by the last.
MODELS = ("10.12", "10.13", "10.14", "10.15", "14.4")


class Operation(t.NamedTuple):
    """One operation.

    ``parent`` is empty for a terminal one, None where nobody knows; ``sure`` is whether the parent is more than a likely guess.
    ``implicit`` is what a terminal one does without a rule. ``derived`` is what 14.4 does without a rule below ``(deny default)``.
    ``takes`` are the kinds of its arguments.
    """

    name: str
    parent: t.Optional[str]
    sure: bool
    since: str
    until: str
    implicit: str
    derived: str
    takes: t.Tuple[str, ...]


#: Other names of operations. Those of nothing are accepted and have no effect.
ALIASES: t.Mapping[str, str] = {
    "file-fsctl": "system-fsctl",
    "file-issue-extension*": "file-issue-extension",
    "file-issue-extension-read": "file-issue-extension",
    "file-issue-extension-write": "file-issue-extension",
    "file-unlink": "file-write-unlink",
    "file-write-mount": "file-mount",
    "file-write-umount": "file-unmount",
    "file-write-unmount": "file-unmount",
    "ipc-posix-sem": "ipc-posix-sem*",
    "ipc-posix-shm": "ipc-posix-shm*",
    "ipc-posix-shm-read*": "ipc-posix-shm-read-data",
    "managed-preference*": "managed-preference-read",
    "process-exec": "process-exec*",
    "system-misc": "system*",
    "time-set": "system-set-time",
}
#: Since 10.15 rules on these do nothing.
EMPTY = frozenset(("ipc-posix-shm-read-metadata", "mach-per-user-lookup", "qtn-download", "system-chud"))

# name, parent (- none, ? not known, NAME? a guess), since, until, built-in action, without a rule in 14.4, kinds of argument
_TABLE = """
appleevent-send default 10.12 14.4 . closed ae-destination
authorization-right-obtain default 10.12 14.4 . closed auth-right-name
boot-arg-set default 10.12 14.4 . closed boot-arg
darwin-notification-post - 10.14 14.4 allow open notification
default - 10.12 14.4 deny closed .
default-message-filter ? 14.4 14.4 . closed .
device* default 10.12 14.4 . closed .
device-camera device* 10.12 14.4 . closed .
device-microphone device* 10.12 14.4 . closed .
distributed-notification-post default 10.12 14.4 . closed notification
dynamic-code-generation - 10.13 14.4 allow open .
file* default 10.12 14.4 . closed path
file-chroot file* 10.12 14.4 . closed path
file-clone - 10.14 14.4 allow open path
file-ioctl file* 10.12 14.4 . closed path,ioctl
file-issue-extension file* 10.12 14.4 . closed path,extension-class
file-link - 10.12 14.4 allow open path
file-lock ? 14.4 14.4 . open .
file-map-executable - 10.12 14.4 allow open path
file-mknod file* 10.12 14.4 . closed path
file-mount file* 10.12 14.4 . closed path
file-mount-update file-mount 10.12 14.4 . closed path
file-read* file* 10.12 14.4 . closed path
file-read-data file-read* 10.12 14.4 . closed path
file-read-metadata file-read* 10.12 14.4 . closed path
file-read-xattr file-read* 10.12 14.4 . closed path,xattr
file-revoke file* 10.12 14.4 . closed path
file-search file* 10.12 14.4 . closed path
file-test-existence - 10.13 14.4 allow open path
file-unmount file* 10.12 14.4 . closed path
file-write* file* 10.12 14.4 . closed path
file-write-acl file-write* 10.12 14.4 . closed path
file-write-create file-write* 10.12 14.4 . closed path
file-write-data file-write* 10.12 14.4 . closed path
file-write-finderinfo file-write* 10.13 14.4 . closed path
file-write-flags file-write* 10.12 14.4 . closed path
file-write-mode file-write* 10.12 14.4 . closed path
file-write-owner file-write* 10.12 14.4 . closed path
file-write-setugid - 10.12 14.4 deny closed path
file-write-times file-write* 10.12 14.4 . closed path
file-write-unlink file-write* 10.12 14.4 . closed path
file-write-xattr file-write* 10.12 14.4 . closed path,xattr
fs-quota* ? 14.4 14.4 . open .
fs-quota-get ? 14.4 14.4 . open .
fs-quota-off ? 14.4 14.4 . open .
fs-quota-on ? 14.4 14.4 . open .
fs-quota-set* ? 14.4 14.4 . open .
fs-quota-set-limits ? 14.4 14.4 . open .
fs-quota-set-usage ? 14.4 14.4 . open .
fs-quota-stat ? 14.4 14.4 . open .
fs-quota-sync ? 14.4 14.4 . open .
fs-rename default 10.13 14.4 . closed .
fs-snapshot* default 10.12 14.4 . closed .
fs-snapshot-create fs-snapshot* 10.12 14.4 . closed .
fs-snapshot-delete fs-snapshot* 10.12 14.4 . closed .
fs-snapshot-mount ? 14.4 14.4 . open .
fs-snapshot-revert fs-snapshot* 10.12 14.4 . closed .
generic-issue-extension default 10.12 14.4 . closed extension-class
hid-control default 10.12 14.4 . closed .
iokit* default 10.12 14.4 . closed .
iokit-async-external-method ? 14.4 14.4 . closed .
iokit-external-method ? 14.4 14.4 . closed .
iokit-external-trap ? 14.4 14.4 . closed .
iokit-get-properties - 10.12 14.4 allow open iokit-property,iokit-user-client,iokit-connection
iokit-issue-extension iokit* 10.12 14.4 . closed extension-class
iokit-open iokit* 10.12 10.15 . . iokit-user-client,iokit-connection
iokit-open* iokit*? 14.4 14.4 . closed .
iokit-open-service ? 14.4 14.4 . open .
iokit-open-user-client iokit-open*? 14.4 14.4 . closed .
iokit-set-properties iokit* 10.12 14.4 . closed iokit-property,iokit-user-client,iokit-connection
ipc* default 10.12 14.4 . closed .
ipc-posix* ipc* 10.12 14.4 . closed posix-ipc
ipc-posix-issue-extension ipc-posix* 10.12 14.4 . closed posix-ipc,extension-class
ipc-posix-sem* ipc-posix* 10.12 14.4 . closed posix-ipc,semaphore
ipc-posix-sem-create ipc-posix-sem* 10.12 14.4 . closed posix-ipc,semaphore
ipc-posix-sem-open ipc-posix-sem* 10.12 14.4 . closed posix-ipc,semaphore
ipc-posix-sem-post ipc-posix-sem* 10.12 14.4 . closed posix-ipc,semaphore
ipc-posix-sem-unlink ipc-posix-sem* 10.12 14.4 . closed posix-ipc,semaphore
ipc-posix-sem-wait ipc-posix-sem* 10.12 14.4 . closed posix-ipc,semaphore
ipc-posix-shm* ipc-posix* 10.12 14.4 . closed posix-ipc
ipc-posix-shm-read-data ipc-posix-shm* 10.12 14.4 . closed posix-ipc
ipc-posix-shm-write* ipc-posix-shm* 10.12 14.4 . closed posix-ipc
ipc-posix-shm-write-create ipc-posix-shm-write* 10.12 14.4 . closed posix-ipc
ipc-posix-shm-write-data ipc-posix-shm-write* 10.12 14.4 . closed posix-ipc
ipc-posix-shm-write-unlink ipc-posix-shm-write* 10.12 14.4 . closed posix-ipc
ipc-sysv* ipc* 10.12 14.4 . closed .
ipc-sysv-msg ipc-sysv* 10.12 14.4 . closed .
ipc-sysv-sem ipc-sysv* 10.12 14.4 . closed .
ipc-sysv-shm ipc-sysv* 10.12 14.4 . closed .
job-creation - 10.12 14.4 deny closed .
load-unsigned-code default 10.12 10.15 . . path
lsopen default 10.12 14.4 . closed .
mach* default 10.12 14.4 . closed .
mach-bootstrap ? 14.4 14.4 . open .
mach-cross-domain-lookup - 10.12 14.4 allow open mach
mach-derive-port ? 14.4 14.4 . open .
mach-host* mach* 10.12 14.4 . closed .
mach-host-exception-port-set mach-host* 10.12 14.4 . closed .
mach-host-special-port-set mach-host* 10.12 14.4 . closed mach-special-port
mach-issue-extension mach* 10.12 14.4 . closed mach,extension-class
mach-kernel-endpoint ? 14.4 14.4 . open .
mach-lookup mach* 10.12 14.4 . closed mach
mach-message-send ? 14.4 14.4 . closed .
mach-priv* mach* 10.12 14.4 . closed .
mach-priv-host-port mach-priv* 10.12 14.4 . closed .
mach-priv-task-port mach-priv* 10.12 14.4 . closed path,target
mach-register mach* 10.12 14.4 . closed mach
mach-task* mach*? 14.4 14.4 . closed .
mach-task-inspect mach-task*? 14.4 14.4 . closed .
mach-task-name mach* 10.12 14.4 . closed target
mach-task-read mach-task*? 14.4 14.4 . closed .
mach-task-special-port* ? 14.4 14.4 . open .
mach-task-special-port-get mach-task-special-port*? 14.4 14.4 . open .
mach-task-special-port-set mach-task-special-port*? 14.4 14.4 . open .
managed-preference-read user-preference-read 10.13 14.4 . closed preference-domain
necp-client-open ? 14.4 14.4 . open .
network* default 10.12 14.4 . closed socket,network,path
network-bind network-inbound 10.12 14.4 . closed socket,network,path
network-inbound network* 10.12 14.4 . closed socket,network,path
network-outbound network* 10.12 14.4 . closed socket,network,path
nvram* - 10.12 14.4 allow open nvram
nvram-delete nvram* 10.12 14.4 . open nvram
nvram-get nvram* 10.12 14.4 . open nvram
nvram-set nvram* 10.12 14.4 . open nvram
opendirectory-user-modify default 10.14 14.4 . closed .
process* default 10.12 14.4 . closed .
process-codesigning ? 14.4 14.4 . open .
process-codesigning-status* process* 10.12 10.15 . . target
process-codesigning-status-get process-codesigning-status* 10.12 10.15 . . target
process-codesigning-status-set process-codesigning-status* 10.12 10.15 . . target
process-exec* process* 10.12 14.4 . closed path
process-exec-interpreter process-exec* 10.12 14.4 . closed path
process-exec-update-label ? 14.4 14.4 . closed .
process-fork process* 10.12 14.4 . closed .
process-info* - 10.12 14.4 allow open .
process-info-codesignature - 10.12 14.4 allow open target
process-info-dirtycontrol process-info* 10.12 14.4 . open target
process-info-ledger process-info*? 14.4 14.4 . open .
process-info-listpids process-info* 10.12 14.4 . open .
process-info-pidfdinfo process-info* 10.12 14.4 . open target
process-info-pidfileportinfo process-info* 10.12 14.4 . open target
process-info-pidinfo process-info* 10.12 14.4 . open target
process-info-rusage process-info* 10.12 14.4 . open target
process-info-setcontrol process-info* 10.12 14.4 . open target
process-legacy-codesigning* ? 14.4 14.4 . closed .
process-legacy-codesigning-blob-get ? 14.4 14.4 . closed .
process-legacy-codesigning-cdhash-get ? 14.4 14.4 . closed .
process-legacy-codesigning-entitlements-blob-get ? 14.4 14.4 . closed .
process-legacy-codesigning-entitlements-der-blob-get ? 14.4 14.4 . closed .
process-legacy-codesigning-identity-get ? 14.4 14.4 . closed .
process-legacy-codesigning-status* ? 14.4 14.4 . closed .
process-legacy-codesigning-status-get ? 14.4 14.4 . closed .
process-legacy-codesigning-status-set ? 14.4 14.4 . closed .
process-legacy-codesigning-teamid-get ? 14.4 14.4 . closed .
process-legacy-codesigning-text-offset-get ? 14.4 14.4 . closed .
pseudo-tty default 10.12 14.4 . closed .
qtn-user default 10.12 14.4 . closed path
signal default 10.12 14.4 . closed target,signal
socket-ioctl - 10.13 14.4 allow open socket,ioctl
socket-option* ? 14.4 14.4 . closed .
socket-option-get ? 14.4 14.4 . open .
socket-option-set ? 14.4 14.4 . open .
storage-class-map - 10.14 14.4 deny closed path
syscall* ? 14.4 14.4 . closed .
syscall-mach ? 14.4 14.4 . open .
syscall-mig ? 14.4 14.4 . open .
syscall-unix - 10.15 14.4 allow open syscall
sysctl* default 10.12 14.4 . closed sysctl
sysctl-read sysctl* 10.12 14.4 . closed sysctl
sysctl-write sysctl* 10.12 14.4 . closed sysctl
system* default 10.12 14.4 . closed .
system-acct system* 10.12 14.4 . closed .
system-audit system* 10.12 14.4 . closed .
system-automount system* 10.13 14.4 . closed path
system-debug system* 10.12 14.4 . closed target
system-fcntl ? 14.4 14.4 . open .
system-fsctl system* 10.12 14.4 . closed fsctl
system-info system* 10.12 14.4 . closed info
system-kas-info system*? 14.4 14.4 . closed .
system-kext* system* 10.12 14.4 . closed .
system-kext-load system-kext* 10.12 14.4 . closed kext-bundle-id
system-kext-query system-kext* 10.12 14.4 . closed .
system-kext-unload system-kext* 10.12 14.4 . closed kext-bundle-id
system-mac* system*? 14.4 14.4 . closed .
system-mac-label system* 10.12 14.4 . closed .
system-mac-syscall ? 14.4 14.4 . open .
system-memorystatus-control ? 14.4 14.4 . open .
system-necp-client-action ? 14.4 14.4 . open .
system-nfssvc system* 10.12 14.4 . closed .
system-package-check system* 10.12 14.4 . closed .
system-privilege - 10.12 14.4 allow open priv
system-reboot system* 10.12 14.4 . closed reboot-flags
system-sched system* 10.12 14.4 . closed target
system-set-time system* 10.12 14.4 . closed .
system-socket system* 10.12 14.4 . closed socket
system-suspend-resume system* 10.12 14.4 . closed .
system-swap system* 10.12 14.4 . closed .
user-preference* default 10.12 14.4 . closed preference-domain
user-preference-read user-preference* 10.12 14.4 . closed preference-domain
user-preference-write user-preference* 10.12 14.4 . closed preference-domain
xpc-message-send ? 14.4 14.4 . closed .
"""
_DERIVED = {"open": "allow", "closed": "deny", ".": ""}


def model_of(macos: str) -> str:
    """The version whose table speaks for ``macos``; raises ValueError for what is no version."""
    wanted = _number(macos)
    if wanted < _number(MODELS[0]):
        raise ValueError(macos)
    return next((model for model in MODELS if wanted[:2] <= _number(model)), MODELS[-1])


@functools.lru_cache(maxsize=None)
def operations_of(model: str) -> t.Mapping[str, Operation]:
    """The operations of a model by name, without aliases."""
    return {one.name: one for one in _all() if _number(one.since) <= _number(model) <= _number(one.until)}


@functools.lru_cache(maxsize=None)
def names_of(model: str) -> t.Mapping[str, str]:
    """Every name that a profile may write in a model -> the operation that it means, empty for none."""
    known = operations_of(model)
    names = {name: name for name in known}
    names.update((alias, name) for alias, name in ALIASES.items() if name in known)
    names.update((alias, "") for alias in EMPTY)
    if model == MODELS[-1]:
        names["iokit-open"] = "iokit-open-user-client"
    return names


@functools.lru_cache(maxsize=None)
def below(model: str, name: str) -> t.Tuple[str, ...]:
    """The operations whose decisions can fall back to ``name``, without itself."""
    known = operations_of(model)
    direct = [one.name for one in known.values() if one.parent == name]
    return tuple(sorted(direct + [deeper for one in direct for deeper in below(model, one)]))


def ever_known(name: str) -> bool:
    """Whether any version has it."""
    return name in ALIASES or name in EMPTY or any(one.name == name for one in _all())


@functools.lru_cache(maxsize=None)
def _all() -> t.Tuple[Operation, ...]:
    return tuple(_operation(line) for line in _TABLE.split("\n") if line)


def _operation(line: str) -> Operation:
    name, parent, since, until, implicit, derived, takes = line.split(" ")
    above = {"-": "", "?": None}.get(parent, parent.rstrip("?"))
    kinds = tuple(takes.split(",")) if takes != "." else ()
    return Operation(name, above, not parent.endswith("?"), since, until, implicit.strip("."), _DERIVED[derived], kinds)


@functools.lru_cache(maxsize=None)
def _number(version: str) -> t.Tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
