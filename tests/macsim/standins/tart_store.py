# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tart's storage: TART_HOME, local machines with their locks and states, the cache of registry images, the registry itself."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import pwd
import random
import re
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from standins.call import STATE, Fail

GB = 10**9
GIB = 1 << 30
FILES = ("config.json", "disk.img", "nvram.bin")
_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": GIB, "TiB": 1 << 40}
_LABEL = r"[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
_REMOTE = re.compile(
    rf"^({_LABEL}(?:\.{_LABEL})*(?::[0-9]+)?)((?:/[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*)+)(?::([A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*)|@(sha256:[0-9a-f]+))?$"
)


def size_of(value: Any) -> int:
    """Bytes of a seed's size: a number or a text such as 8GiB."""
    match = re.fullmatch(r"([0-9.]+) *([KMGT]iB)", str(value))
    return int(float(match.group(1)) * _UNITS[match.group(2)]) if match else int(value)


@dataclass(frozen=True)
class Remote:
    """A registry reference."""

    host: str
    namespace: str
    tag: str | None
    digest: str | None

    def __str__(self) -> str:
        return f"{self.host}/{self.namespace}" + (f"@{self.digest}" if self.digest else f":{self.tag}")

    @property
    def last(self) -> str:
        return self.digest or str(self.tag)


def parse_remote(text: str) -> Remote | None:
    """The reference, or None for what Tart takes as a local name."""
    match = _REMOTE.match(text)
    if not match:
        return None
    host, path, tag, digest = match.groups()
    return Remote(host, path[1:], None if digest else tag or "latest", digest)


def make_home(root: Path) -> None:
    """The directories that every command of Tart makes."""
    for part in ("vms", "cache/OCIs", "cache/IPSWs", "tmp"):
        (root / part).mkdir(parents=True, exist_ok=True)


class Home:
    """One TART_HOME; made with its directories when it is missing."""

    def __init__(self) -> None:
        default = f"{pwd.getpwuid(os.geteuid()).pw_dir}/.tart"
        self.root = Path(os.environ.get("TART_HOME") or default)
        try:
            make_home(self.root)
        except OSError as error:
            raise Fail(1, f"TART_HOME is invalid: {self.root} does not exist, yet we can't create it: {error.strerror}\n") from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Tart's own lock on the directory: clone and the start of run."""
        descriptor = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def vm_dir(self, name: str) -> Path:
        return self.root / "vms" / name

    def local_names(self) -> list[str]:
        return sorted(path.name for path in (self.root / "vms").iterdir() if is_complete(path))

    def cached_names(self) -> list[str]:
        """host/namespace:tag and host/namespace@digest of every cached image."""
        base = self.root / "cache/OCIs"
        names = []
        for config in base.rglob("config.json"):
            directory = config.parent
            where = str(directory.parent.relative_to(base)).replace("%3A", ":")
            names.append(f"{where}@{directory.name}")
            names += [f"{where}:{link.name}" for link in directory.parent.iterdir() if link.is_symlink() and link.resolve() == directory]
        return sorted(names)

    def cache_path(self, remote: Remote) -> Path:
        return self.root / "cache/OCIs" / remote.host.replace(":", "%3A") / remote.namespace / remote.last

    def open_vm(self, name: str) -> Path:
        """Directory of a local machine or a cached image; raises Tart's refusals."""
        remote = parse_remote(name)
        directory = self.cache_path(remote) if remote else self.vm_dir(name)
        if not directory.is_dir():
            raise missing(str(remote) if remote else name)
        if not is_complete(directory):
            raise Fail(1, "VM is missing some of its files (config.json, disk.img or nvram.bin)\n")
        try:
            os.utime(directory)
        except OSError as error:
            raise Fail(1, f"utimes(2) failed: {error.strerror}\n") from None
        return directory.resolve() if remote else directory

    def collect_garbage(self) -> None:
        """Delete unlocked entries of tmp, as most commands do first."""
        for entry in (self.root / "tmp").iterdir():
            if not _is_flocked(entry):
                shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)


def missing(name: str) -> Fail:
    return Fail(2, f'the specified VM "{name}" does not exist\n')


def is_complete(directory: Path) -> bool:
    return all((directory / file).exists() for file in FILES)


def _is_flocked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(descriptor)


def lock_owner(directory: Path) -> int | None:
    """Pid of the process that holds the write lock on config.json, None when nobody does or it may not be asked."""
    try:
        descriptor = os.open(directory / "config.json", os.O_RDWR)
    except OSError:
        return None
    try:
        question = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, dummy, dummy2, dummy3, pid = struct.unpack("hhqqi4x", fcntl.fcntl(descriptor, fcntl.F_GETLK, question))
        return pid if kind != fcntl.F_UNLCK else None
    finally:
        os.close(descriptor)


def state_of(directory: Path) -> str:
    if lock_owner(directory) is not None:
        return "running"
    return "suspended" if (directory / "state.vzvmsave").exists() else "stopped"


def read_config(directory: Path) -> dict[str, Any]:
    return json.loads((directory / "config.json").read_text())


def write_config(directory: Path, config: dict[str, Any]) -> None:
    """In place, as Tart does: a reader at the same moment can see half of it."""
    keys = list(config)
    random.shuffle(keys)
    with open(directory / "config.json", "w", encoding="utf-8") as stream:
        stream.write(swift_json({key: config[key] for key in keys}))


def new_mac() -> str:
    return "2e:" + ":".join(f"{random.randrange(256):02x}" for dummy in range(5))


def new_config(guest: str, cpu: int, memory: int) -> dict[str, Any]:
    config: dict[str, Any] = {
        "version": 1, "os": guest, "arch": "arm64", "cpuCountMin": min(cpu, 4) if guest == "linux" else 2, "cpuCount": cpu,
        "memorySizeMin": min(memory, 4 * GIB), "memorySize": memory, "macAddress": new_mac(),
        "display": {"width": 1024, "height": 768}, "diskFormat": "raw",
    }
    if guest == "darwin":
        config["ecid"] = base64.b64encode(os.urandom(24)).decode()
        config["hardwareModel"] = base64.b64encode(b"macsim hardware model").decode()
    return config


def write_machine(directory: Path, config: dict[str, Any], disk_bytes: int, traits: dict[str, Any]) -> None:
    """The three files of a machine; ``traits`` of the guest travel in nvram.bin: macos (major version), agent (bool)."""
    directory.mkdir(parents=True)
    write_config(directory, config)
    with open(directory / "disk.img", "wb") as stream:
        stream.truncate(disk_bytes)
    (directory / "nvram.bin").write_text(json.dumps(traits))


def read_traits(directory: Path) -> dict[str, Any]:
    try:
        return json.loads((directory / "nvram.bin").read_text())
    except ValueError:
        return {}


def copy_machine(source: Path, target: Path) -> None:
    """Copy what Tart copies, and the guest's files, which are on its disk; disks stay sparse. control.sock and files of others are left behind."""
    target.mkdir(parents=True)
    for file in (*FILES, "state.vzvmsave"):
        if file == "disk.img":
            _copy_sparse(source / file, target / file)
        elif (source / file).exists():
            shutil.copyfile(source / file, target / file)
    if (source / ".guest").exists():
        shutil.copytree(source / ".guest", target / ".guest", symlinks=True)


def _copy_sparse(source: Path, target: Path) -> None:
    with open(source, "rb") as reader, open(target, "wb") as writer:
        size = os.fstat(reader.fileno()).st_size
        offset = 0
        while offset < size:
            try:
                start = os.lseek(reader.fileno(), offset, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(reader.fileno(), start, os.SEEK_HOLE)
            os.copy_file_range(reader.fileno(), writer.fileno(), end - start, start, start)
            offset = end
        writer.truncate(size)


def sizes(directory: Path) -> tuple[int, int]:
    """Logical and allocated bytes of a machine's three files."""
    stats = [os.stat(directory / file) for file in FILES]
    return sum(stat.st_size for stat in stats), sum(stat.st_blocks * 512 for stat in stats)


def swift_json(value: Any) -> str:
    """Foundation's pretty printing: spaces around colons, escaped slashes, no order of keys."""
    if value == []:
        return "[\n\n]"
    return json.dumps(value, indent=2, separators=(",", " : "), ensure_ascii=False).replace("/", "\\/")


def registry() -> dict[str, dict[str, Any]]:
    """Images that can be pulled: reference with tag -> {os, cpu, memory, disk_gb, digest, macos, agent}."""
    return json.loads(Path(f"{STATE}/registry.json").read_text())


def find_image(remote: Remote) -> tuple[str, dict[str, Any]]:
    """Digest and description of an image at the registry; raises the answer of a registry that has it not."""
    for reference, image in registry().items():
        known = parse_remote(reference)
        if known is None or (known.host, known.namespace) != (remote.host, remote.namespace):
            continue
        digest = image.get("digest") or "sha256:" + hashlib.sha256(f"{reference}{json.dumps(image, sort_keys=True)}".encode()).hexdigest()
        if remote.last in (known.tag, digest):
            return digest, image
    raise Fail(1, 'Error: UnexpectedHTTPStatusCode(when: "pulling manifest", code: 404, details: "{\\"errors\\":[{\\"code\\":\\"MANIFEST_UNKNOWN\\"}]}")\n')
