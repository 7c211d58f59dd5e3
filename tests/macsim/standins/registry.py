# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tool lives where on a Mac and which file here stands in for it, and the Linux programs that pass as a Mac's own."""

from __future__ import annotations

# Path on the Mac -> module of this package.
STAND_INS: dict[str, str] = {
    "/usr/bin/sw_vers": "identity",
    "/usr/bin/uname": "identity",
    "/usr/bin/csrutil": "identity",
    "/usr/bin/arch": "identity",
    "/usr/sbin/system_profiler": "identity",
    "/usr/sbin/sysctl": "sysctl",
    "/usr/bin/vm_stat": "memory",
    "/usr/bin/memory_pressure": "memory",
    "/bin/df": "disks",
    "/sbin/mount": "disks",
    "/sbin/umount": "disks",
    "/sbin/mount_tmpfs": "disks",
    "/sbin/mount_devfs": "disks",
    "/usr/sbin/diskutil": "diskutil",
    "/usr/bin/hdiutil": "diskutil",
    "/usr/bin/dscl": "dscl",
    "/usr/sbin/dseditgroup": "accounts",
    "/usr/sbin/sysadminctl": "accounts",
    "/usr/sbin/createhomedir": "accounts",
    "/usr/bin/dscacheutil": "accounts",
    "/usr/bin/id": "accounts",
    "/bin/launchctl": "launchctl",
    "/usr/bin/plutil": "plists",
    "/usr/bin/defaults": "plists",
    "/usr/bin/sandbox-exec": "wrappers",
    "/usr/sbin/taskpolicy": "wrappers",
    "/usr/bin/caffeinate": "wrappers",
    "/usr/sbin/chroot": "wrappers",
    "/bin/cp": "files",
    "/bin/chmod": "files",
    "/usr/bin/chflags": "files",
    "/bin/ls": "files",
    "/usr/bin/stat": "files",
    "/usr/bin/xattr": "files",
    "/usr/bin/ditto": "files",
    "/bin/ps": "processes",
    "/usr/bin/pkill": "processes",
    "/usr/bin/pgrep": "processes",
    "/usr/bin/killall": "processes",
    "/usr/bin/ipcs": "ipc",
    "/usr/bin/ipcrm": "ipc",
    "/usr/bin/tmutil": "baseline",
    "/usr/bin/mdutil": "baseline",
    "/usr/bin/pmset": "baseline",
    "/usr/sbin/systemsetup": "baseline",
    "/usr/sbin/spctl": "baseline",
    "/usr/bin/fdesetup": "baseline",
    "/usr/sbin/softwareupdate": "developer",
    "/usr/bin/xcode-select": "developer",
    "/usr/bin/codesign": "developer",
    "/usr/sbin/installer": "developer",
    "/usr/sbin/pkgutil": "developer",
    "/usr/bin/tar": "archives",
    "/usr/bin/which": "wrappers",
    "/sbin/pfctl": "security",
    "/usr/bin/security": "security",
    "/sbin/shutdown": "power",
    "/sbin/reboot": "power",
    "/sbin/halt": "power",
}
# Installed only when a seed or an option asks for them.
OPTIONAL: dict[str, str] = {
    "/opt/homebrew/bin/tart": "tart",
    "/usr/local/bin/container": "container",
    "/opt/homebrew/bin/colima": "colima",
}
# Linux programs that pass for the Mac's: directory on the Mac -> names. What is in no list does not exist there.
NATIVE: dict[str, str] = {
    "/bin": "bash cat date dd echo ed expr kill ln mkdir mv pwd rm rmdir sleep stty sync test hostname [",
    "/sbin": "md5sum",
    "/usr/bin": "awk basename bc bzip2 bunzip2 cal cmp comm curl cut dc diff dirname du env expand false file find fold getopt grep "
    "egrep fgrep gunzip gzip head hexdump iconv install join less locale logger logname look m4 mesg mkfifo mktemp more nice nl nohup "
    "od openssl paste patch perl printenv printf readlink realpath rev scp screen script sed seq sftp shasum sort split ssh ssh-add "
    "ssh-agent ssh-keygen ssh-keyscan strings su sudo tail tee time touch tr true tty uniq unzip uptime users vi w wc who "
    "whoami xargs xxd yes zip zcat uuidgen lsof openssl git make tput clear reset tabs getconf nc rsync column groups chgrp",
    "/usr/sbin": "chown sshd visudo lsof",
}
