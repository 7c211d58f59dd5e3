# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the file system of a Mac in a fresh tmpfs: Apple's directories, the stand-ins, and the few Linux programs a Mac also has.

Runs inside the new mount namespace, before the switch of the root; nothing here touches the host's own tree.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from host import profiles, syscalls
from standins.programs import program_text
from standins.registry import NATIVE, STAND_INS

HIDDEN = "System/Library/macsim"
FRAMEWORK = "Library/Developer/CommandLineTools/Library/Frameworks/Python3.framework/Versions/3.9"
_DIRECTORIES = """
bin sbin usr/bin usr/sbin usr/lib usr/libexec usr/share usr/local/bin usr/local/libexec opt cores Applications Users/Shared Network
System/Library/CoreServices System/Library/LaunchDaemons System/Library/LaunchAgents System/Library/Frameworks System/Volumes/Data
System/Volumes/Preboot Library/LaunchDaemons Library/LaunchAgents Library/Preferences Library/Logs
Library/Developer private/etc/ssh private/etc/pam.d private/etc/sudoers.d private/etc/pf.anchors private/etc/newsyslog.d private/var/db
private/var/db/com.apple.xpc.launchd private/var/log private/var/run private/var/empty private/var/folders private/var/macsim
private/var/macsim/prefs private/var/root/Library/Preferences Volumes dev run/sshd lib64
"""
_LINKS = {
    "etc": "private/etc", "var": "private/var", "tmp": "private/tmp", "lib": "usr/lib", "home": "/System/Volumes/Data/home",
    "bin/sh": "bash", "bin/zsh": "bash", "private/etc/localtime": "/usr/share/zoneinfo/UTC",
    "System/Volumes/Data/Users": "/Users", "System/Volumes/Data/Library": "/Library", "System/Volumes/Data/private": "/private",
    "System/Volumes/Data/opt": "/opt", "System/Volumes/Data/Applications": "/Applications", "Volumes/Macintosh HD": "/",
    f"{HIDDEN}/python": "host/bin/python3", "dev/fd": f"/{HIDDEN}/proc/self/fd", "dev/stdin": "fd/0", "dev/stdout": "fd/1",
    "dev/stderr": "fd/2", "dev/ptmx": "pts/ptmx",
}
_DEVICES = ("null", "zero", "random", "urandom", "full", "tty")
PYTHON_SHIM = """#!/bin/sh
# Apple's stub: it hands over to the Command Line Tools, or asks for them. No program is started that would inherit the environment.
selected=
[ -r /var/db/xcode_select_link.path ] && IFS= read -r selected < /var/db/xcode_select_link.path
for root in "$selected" /Library/Developer/CommandLineTools; do
  [ -n "$root" ] && [ -x "$root/usr/bin/python3" ] && exec "$root/usr/bin/python3" "$@"
done
echo 'xcode-select: note: No developer tools were found, requesting install.' >&2
echo 'If developer tools are located at a non-default location on disk, use `sudo xcode-select --switch path/to/Xcode.app` to specify' \
  'the Xcode that you wish to use for command line developer tools, and cancel the installation dialog.' >&2
echo 'See `man xcode-select` for more details.' >&2
exit 1
"""
STAND_IN = program_text("")


@dataclass(frozen=True)
class Sources:
    """What is mounted into the Mac from outside: the private Python, the stand-ins, a key that may log in."""

    python: Path
    standins: Path
    authorized_key: str
    host_key: Path
    docker_socket: str | None
    shares: tuple[str, ...] = ()


def build(root: Path, mac: dict[str, object], sources: Sources) -> None:
    """Fill ``root``, an empty directory, with a Mac described by ``mac``; it becomes a mount point."""
    _mount_disk(root, mac)
    _make_tree(root)
    _make_devices(root)
    _mount_host(root, sources)
    _link_programs(root)
    _write_settings(root, mac, sources)
    _make_command_line_tools(root, bool(mac["command_line_tools"]), sources)
    _mount_docker(root, sources)


def _mount_disk(root: Path, mac: dict[str, object]) -> None:
    """One tmpfs; its first directory becomes the root, because programs know a Mac's root by its inode number, 2."""
    syscalls.mount("macsim", str(root), "tmpfs", 0, f"size={mac['disk_free']},mode=755")
    (root / "mac").mkdir()
    syscalls.bind(str(root / "mac"), str(root), read_only=False)


def _make_tree(root: Path) -> None:
    for name in _DIRECTORIES.split():
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / HIDDEN).mkdir()
    for name in ("private/tmp", "private/var/tmp", "Users/Shared"):
        (root / name).mkdir(exist_ok=True)
        (root / name).chmod(0o1777)
    (root / "private/var/root").chmod(0o750)
    for link, target in _LINKS.items():
        (root / link).symlink_to(target)


def _make_devices(root: Path) -> None:
    for name in _DEVICES:
        path = root / "dev" / name
        os.mknod(path, 0o020666, os.stat(f"/dev/{name}").st_rdev)
        os.chmod(path, 0o666)
    (root / "dev/pts").mkdir()
    syscalls.mount("devpts", str(root / "dev/pts"), "devpts", 0, "newinstance,ptmxmode=0666,mode=620")
    os.mknod(root / "dev/console", 0o020622, os.stat("/dev/null").st_rdev)


def _mount_host(root: Path, sources: Sources) -> None:
    hidden = root / HIDDEN
    for source, name in (("/usr", "host"), (str(sources.standins), "standins")):
        (hidden / name).mkdir()
        syscalls.bind(source, str(hidden / name))
    for name in ("usr/lib", "usr/share"):
        syscalls.bind(f"/{name}", str(root / name))
    if Path("/usr/lib64").is_dir():
        syscalls.bind("/usr/lib64", str(root / "lib64"))
    for share in sources.shares:
        (root / share.lstrip("/")).mkdir(parents=True, exist_ok=True)
        syscalls.bind(share, str(root / share.lstrip("/")))
    (hidden / "proc").mkdir()


def _link_programs(root: Path) -> None:
    script = root / HIDDEN / "standin"
    script.write_text(STAND_IN)
    script.chmod(0o755)
    for path in STAND_INS:
        (root / path.lstrip("/")).symlink_to(f"/{HIDDEN}/standin")
    for directory, names in NATIVE.items():
        for name in names.split():
            program = _find_host_program(name)
            link = root / directory.lstrip("/") / name
            if program and not link.is_symlink():
                link.symlink_to(f"/{HIDDEN}/host/{program}")
    (root / "usr/libexec/sudo").symlink_to(f"/{HIDDEN}/host/libexec/sudo")
    (root / "usr/libexec/sftp-server").symlink_to("/usr/lib/openssh/sftp-server")
    shim = root / "usr/bin/python3"
    shim.write_text(PYTHON_SHIM)
    shim.chmod(0o755)


def _find_host_program(name: str) -> str | None:
    return next((f"{part}/{name}" for part in ("bin", "sbin") if os.path.exists(f"/usr/{part}/{name}")), None)


def _make_command_line_tools(root: Path, installed: bool, sources: Sources) -> None:
    hidden = root / HIDDEN / "python39"
    hidden.mkdir()
    syscalls.bind(str(sources.python), str(hidden))
    (root / HIDDEN / "py").symlink_to("python39/lib")
    if installed:
        (root / FRAMEWORK).mkdir(parents=True)
        syscalls.bind(str(sources.python), str(root / FRAMEWORK))
        link_command_line_tools(root / "Library/Developer/CommandLineTools")


def link_command_line_tools(tools: Path) -> None:
    """The outer links of the Command Line Tools: ``usr/bin/python3`` and what virtual environments look for beside it."""
    (tools / "usr/bin").mkdir(parents=True)
    (tools / "usr/lib").mkdir()
    inner = "../../Library/Frameworks/Python3.framework/Versions/3.9"
    for name in ("python3", "python3.9"):
        (tools / "usr/bin" / name).symlink_to(f"{inner}/bin/python3.9")
    (tools / "usr/lib/python3.9").symlink_to(f"{inner}/lib/python3.9")


def _mount_docker(root: Path, sources: Sources) -> None:
    if sources.docker_socket is None:
        return
    target = root / HIDDEN / "engine.sock"
    target.touch()
    syscalls.bind(sources.docker_socket, str(target), read_only=False)


def _write_settings(root: Path, mac: dict[str, object], sources: Sources) -> None:
    state = root / "private/var/macsim"
    (state / "mac.json").write_text(profiles.dump(mac))
    (state / "identity").write_text(profiles.identity(mac))
    for name, content in _SHARED_STATE.items():
        (state / name).write_text(content)
        (state / name).chmod(0o666)
    (root / "System/Library/CoreServices/SystemVersion.plist").write_text(profiles.version_plist(mac))
    etc = root / "private/etc"
    for path, content, mode in _ETC:
        (etc / path).write_text(content)
        (etc / path).chmod(mode)
    for name in ("resolv.conf", "nsswitch.conf", "services", "protocols"):
        if os.path.exists(f"/etc/{name}"):
            shutil.copy(f"/etc/{name}", etc / name)
    _copy_certificates(etc)
    _copy_pip_settings(root)
    (etc / "hosts").write_text(f"127.0.0.1\tlocalhost\n127.0.0.1\t{mac['name']}.local {mac['name']}\n::1\tlocalhost\n")
    shutil.copy(sources.host_key, etc / "ssh/ssh_host_ed25519_key")
    (etc / "ssh/ssh_host_ed25519_key").chmod(0o600)
    (state / "authorized_key").write_text(sources.authorized_key)


def _copy_certificates(etc: Path) -> None:
    """Trust what the host trusts, so that a package index reached through a proxy works in the Mac as well."""
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    (etc / "ssl/certs").mkdir(parents=True)
    if bundle.exists():
        shutil.copy(bundle, etc / "ssl/cert.pem")
        (etc / "ssl/certs/ca-certificates.crt").symlink_to("../cert.pem")


def _copy_pip_settings(root: Path) -> None:
    """A host that reaches its package index through a proxy or a mirror says so here; the Mac looks in its own place."""
    if os.path.exists("/etc/pip.conf"):
        target = root / "Library/Application Support/pip"
        target.mkdir(parents=True)
        shutil.copy("/etc/pip.conf", target / "pip.conf")


# What every user's stand-ins may write.
_SHARED_STATE = {
    "calls.jsonl": "", "unexpected.log": "", "faults.json": "[]", "vm.lock": "", "registry.json": "{}", "leases.json": "{}", "acl.json": "{}",
}
_SUDOERS = """Defaults env_reset
Defaults env_keep += "BLOCKSIZE COLORFGBG COLORTERM CHARSET LANG LANGUAGE LC_ALL LC_COLLATE LC_CTYPE LC_MESSAGES LC_MONETARY LC_NUMERIC LC_TIME"
Defaults env_keep += "LINES COLUMNS LSCOLORS SSH_AUTH_SOCK TZ EDITOR VISUAL HOME MAIL"
Defaults lecture = never
Defaults !admin_flag
root ALL = (ALL) ALL
%admin ALL = (ALL) NOPASSWD: ALL
@includedir /private/etc/sudoers.d
"""
_PAM = "auth sufficient pam_permit.so\naccount sufficient pam_permit.so\nsession sufficient pam_permit.so\npassword required pam_deny.so\n"
_SSHD = """HostKey /etc/ssh/ssh_host_ed25519_key
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AcceptEnv LANG LC_*
SetEnv PATH=/usr/bin:/bin:/usr/sbin:/sbin
Subsystem sftp internal-sftp
StrictModes no
PrintMotd no
PrintLastLog no
UseDNS no
"""
_ETC = (
    ("sudoers", _SUDOERS, 0o440),
    ("pam.d/sudo", _PAM, 0o444),
    ("pam.d/sudo-i", _PAM, 0o444),
    ("pam.d/su", _PAM, 0o444),
    ("pam.d/su-l", _PAM, 0o444),
    ("pam.d/other", _PAM, 0o444),
    ("ssh/sshd_config", _SSHD, 0o644),
    ("shells", "/bin/bash\n/bin/sh\n/bin/zsh\n", 0o644),
    ("paths", "/usr/local/bin\n/usr/bin\n/bin\n/usr/sbin\n/sbin\n", 0o644),
    ("pf.conf", 'anchor "com.apple/*"\nload anchor "com.apple" from "/etc/pf.anchors/com.apple"\n', 0o644),
)
