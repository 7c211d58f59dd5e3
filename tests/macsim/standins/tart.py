# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tart: the commands that look at machines and images or change them at rest; running ones are in tart_run."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from standins import tart_run
from standins.call import EX_USAGE, STATE, Call, Fail, Unexpected
from standins.mac import read_mac
from standins.tart_options import ROOT_USAGE, SPECS, Words, late_validation, parse, validation, version_of
from standins.tart_store import (
    GB,
    GIB,
    Home,
    copy_machine,
    find_image,
    is_complete,
    lock_owner,
    missing,
    new_config,
    new_mac,
    parse_remote,
    read_config,
    size_of,
    sizes,
    state_of,
    swift_json,
    write_config,
    write_machine,
)

_FRAMEWORK_MIN_MEMORY = 256 << 20
_KEEPS_TMP = ("pull", "clone")


def tart(call: Call) -> int:
    """Find the command; ``version`` of the call decides what exists."""
    version = version_of(call.version)
    argv = call.argv
    if not argv or argv[0] in ("--help", "-h", "help", "--help-hidden"):
        call.out(_root_help())
        return 0
    if "--version" in argv[:2]:
        call.out(call.version + "\n")
        return 0
    if argv[0] == "--experimental-dump-help":
        call.out(json.dumps(_dump_help(version)) + "\n")
        return 0
    command = argv[0]
    if command not in (*SPECS, "exec") or (command == "exec" and version < (2, 27)):
        raise Unexpected(f"subcommand {command}", EX_USAGE, f"Error: Unexpected argument '{command}'\n{ROOT_USAGE}\n")
    if {"--help", "-h", "--help-hidden"} & set(argv[1:2]):
        call.out(_command_help(command, version))
        return 0
    home = Home()
    if command not in _KEEPS_TMP:
        home.collect_garbage()
    if command == "exec":
        return tart_run.execute(call, home, argv[1:])
    return _COMMANDS[command](call, home, parse(command, argv[1:], version))


def _root_help() -> str:
    rows = "".join(f"  {name}\n" for name in [*SPECS, "exec"])
    options = "  --version               Show the version.\n  -h, --help              Show help information.\n"
    return f"OVERVIEW: \n\nUSAGE: tart <subcommand>\n\nOPTIONS:\n{options}\nSUBCOMMANDS:\n{rows}"


def _command_help(command: str, version: tuple[int, ...]) -> str:
    if command == "exec":
        return "USAGE: tart exec [-i] [-t] <name> <command> ...\n"
    rows = "".join(f"  {name}\n" for name, (dummy, since) in SPECS[command].options.items() if version_of(since) <= version)
    return f"USAGE: {SPECS[command].usage.removeprefix('tart ')}\n\nOPTIONS:\n{rows}"


def _dump_help(version: tuple[int, ...]) -> dict[str, Any]:
    commands = []
    for name, spec in SPECS.items():
        options = [
            {"kind": "flag" if kind == "flag" else "option", "names": [{"kind": "long", "name": option[2:]}]}
            for option, (kind, since) in spec.options.items() if version_of(since) <= version
        ]
        commands.append({"commandName": name, "arguments": options})
    if version >= (2, 27):
        commands.append({"commandName": "exec", "arguments": []})
    return {"serializationVersion": 0, "command": {"commandName": "tart", "subcommands": commands}}


def _create(call: Call, home: Home, words: Words) -> int:
    call.writes()
    if not words.flag("--linux") and "--from-ipsw" not in words.values:
        raise validation("create", "Please specify either a --from-ipsw or --linux option!")
    if words.values.get("--disk-format") == "asif" and int(read_mac()["product_version"].split(".")[0]) < 26:
        raise validation("create", "Disk format 'asif' is not supported on this system.")
    linux = words.flag("--linux")
    if not linux and read_mac()["arch"] != "arm64":
        raise validation("create", "Only Linux VMs are supported on Intel!")
    config = new_config("linux" if linux else "darwin", 4, 4 * GIB)
    config["diskFormat"] = words.values.get("--disk-format", "raw")
    work = _work_dir(home)
    write_machine(work, config, words.values.get("--disk-size", 50) * GB, {"agent": False})
    _replace(work, home.vm_dir(words.positionals[0]))
    return 0


def _work_dir(home: Home) -> Path:
    return home.root / "tmp" / f"{time.time_ns():x}-{os.getpid()}"


def _replace(work: Path, target: Path) -> None:
    """What Tart does with a name that is taken: it replaces the machine and says nothing."""
    if target.exists():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    work.rename(target)


def _clone(call: Call, home: Home, words: Words) -> int:
    call.writes()
    source, target = words.positionals
    if "/" in target:
        raise validation("clone", "<new-name> should be a local name")
    remote = parse_remote(source)
    if remote and not home.cache_path(remote).exists():
        _fetch(call, home, source)
    directory = home.open_vm(source)
    work = _work_dir(home)
    with home.locked():
        copy_machine(directory, work)
        config = read_config(work)
        taken = {read_config(home.vm_dir(name))["macAddress"] for name in home.local_names()}
        if config["macAddress"] in taken and not (work / "state.vzvmsave").exists():
            config["macAddress"] = new_mac()
            write_config(work, config)
        _replace(work, home.vm_dir(target))
    return 0


def _pull(call: Call, home: Home, words: Words) -> int:
    call.writes()
    name = words.positionals[0]
    if is_complete(home.vm_dir(name)):
        call.out(f'"{name}" is a local image, nothing to pull here!\n')
        return 0
    if parse_remote(name) is None:
        raise Fail(1, "failed to parse remote name: mismatched input (character 0)\n")
    _fetch(call, home, name)
    return 0


def _fetch(call: Call, home: Home, name: str) -> None:
    remote = parse_remote(name)
    call.out(f"pulling {remote}...\npulling manifest...\n")
    digest, image = find_image(remote)
    exact = parse_remote(f"{remote.host}/{remote.namespace}@{digest}")
    directory, link = home.cache_path(exact), home.cache_path(remote)
    if directory.is_dir():
        linked = link.exists() and link.resolve() == directory
        call.out(f"{exact} image is already cached{' and linked!' if linked else '! creating a symlink...'}\n")
    else:
        _download(call, directory, image)
    if link != directory:
        link.unlink(missing_ok=True)
        link.symlink_to(directory)
        _drop_untagged(link.parent)
    else:
        (directory / ".explicitly-pulled").touch()


def _download(call: Call, directory: Path, image: dict[str, Any]) -> None:
    disk = float(image.get("disk_gb", 50))
    call.out(f"pulling disk ({disk / 2:.1f} GB compressed)...\n")
    time.sleep(float(image.get("pull_s", 0)))
    call.out("100%\n" if "CI" in os.environ else "\x1b[2K\r100%\n")
    guest = image.get("os", "darwin")
    config = new_config(guest, int(image.get("cpu", 4)), size_of(image.get("memory", "4GiB")))
    config["macAddress"] = "2e:00:00:00:00:01"
    traits = {"agent": image.get("agent", True), "macos": image.get("macos", 0)}
    work = directory.with_name(f".{directory.name}.{os.getpid()}")
    write_machine(work, config, int(disk * GB), traits)
    (work / "manifest.json").write_text("{}")
    work.rename(directory)
    call.out("pulling NVRAM...\n")


def _drop_untagged(namespace: Path) -> None:
    tagged = {link.resolve() for link in namespace.iterdir() if link.is_symlink()}
    for directory in namespace.iterdir():
        if directory.name.startswith("sha256:") and directory not in tagged and not (directory / ".explicitly-pulled").exists():
            shutil.rmtree(directory)


def _set(call: Call, home: Home, words: Words) -> int:
    call.writes()
    directory = home.open_vm(words.positionals[0])
    config = read_config(directory)
    values = words.values
    darwin = config["os"] == "darwin"
    if "--cpu" in values:
        least = config["cpuCountMin"] if darwin else 1
        if values["--cpu"] < least:
            raise Fail(1, f"Error: LessThanMinimalResourcesError: VM should have {least} CPU cores at minimum (requested {values['--cpu']})\n")
        config["cpuCount"] = values["--cpu"]
    if "--memory" in values:
        size, least = values["--memory"] << 20, config["memorySizeMin"] if darwin else _FRAMEWORK_MIN_MEMORY
        if size < least:
            raise Fail(1, f"Error: LessThanMinimalResourcesError: VM should have {least} bytes of memory at minimum (requested {size})\n")
        config["memorySize"] = size
    _set_devices(config, words)
    write_config(directory, config)
    if "--disk-size" in values:
        _grow(directory / "disk.img", values["--disk-size"] * GB)
    return 0


def _set_devices(config: dict[str, Any], words: Words) -> None:
    if "--display" in words.values:
        width, dummy, height = words.values["--display"].partition("x")
        if width.isdigit() and height.rstrip("ptx").isdigit():
            config["display"] = {"width": int(width), "height": int(height.rstrip("ptx"))}
    config.pop("displayRefit", None)
    if words.flag("--display-refit") or words.flag("--no-display-refit"):
        config["displayRefit"] = words.flag("--display-refit")
    if words.flag("--random-mac"):
        config["macAddress"] = new_mac()
    if words.flag("--random-serial"):
        config["ecid"] = new_config("darwin", 4, 4 * GIB)["ecid"]


def _grow(disk: Path, size: int) -> None:
    current = disk.stat().st_size
    if size < current:
        raise Fail(1, f"new disk size of {size // GB} GB should be larger than the current disk size of {current // GB} GB\n")
    with open(disk, "r+b") as stream:
        stream.truncate(size)


def _get(call: Call, home: Home, words: Words) -> int:
    directory = home.open_vm(words.positionals[0])
    config = read_config(directory)
    logical, allocated = sizes(directory)
    state = state_of(directory)
    display = config.get("display", {"width": 1024, "height": 768})
    row: dict[str, Any] = {
        "Size": f"{allocated / GB:.3f}", "OS": config.get("os", "darwin"), "Memory": config["memorySize"] >> 20, "Running": state == "running",
        "CPU": config["cpuCount"], "Disk": logical // GB, "State": state, "Display": f"{display['width']}x{display['height']}",
    }
    if version_of(call.version) >= (2, 28):
        row["DiskFormat"] = config.get("diskFormat", "raw")
    if words.values.get("--format") == "json":
        call.out(swift_json(row) + "\n")
    else:
        call.out(_text([row], [key for key in ("OS", "CPU", "Memory", "Disk", "DiskFormat", "Size", "Display", "State") if key in row]))
    return 0


def _list(call: Call, home: Home, words: Words) -> int:
    source = words.values.get("--source")
    if source not in (None, "local", "oci"):
        raise validation("list", f"'{source}' is not a valid <source>")
    rows = []
    if source != "oci":
        rows += [_row(call, "local", name, home.vm_dir(name)) for name in home.local_names()]
    if source != "local":
        rows += [_row(call, "OCI", name, home.cache_path(parse_remote(name)).resolve()) for name in home.cached_names()]
    if words.flag("--quiet"):
        call.out("".join(f"{row['Name']}\n" for row in rows))
    elif words.values.get("--format") == "json":
        call.out(swift_json(rows) + "\n")
    else:
        call.out(_text(rows, [key for key in ("Source", "Name", "Disk", "Size", "SizeOnDisk", "Accessed", "State") if not rows or key in rows[0]]))
    return 0


def _row(call: Call, source: str, name: str, directory: Path) -> dict[str, Any]:
    try:
        logical, allocated = sizes(directory)
        state = state_of(directory)
        accessed = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(directory.stat().st_atime))
    except FileNotFoundError:
        raise Fail(1, f"Error: The file \u201c{name}\u201d couldn\u2019t be opened because there is no such file.\n") from None
    row = {
        "Name": name, "State": state, "Disk": logical // GB, "Source": source, "Running": state == "running", "Size": allocated // GB,
    }
    if version_of(call.version) >= (2, 31):
        row["Accessed"] = accessed
    else:
        row["SizeOnDisk"] = allocated // GB
    return row


def _text(rows: list[dict[str, Any]], columns: list[str]) -> str:
    if not rows:
        return "\n"
    table = [columns, *([str(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[place]) for line in table) for place in range(len(columns))]
    return "\n".join(" ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in table).strip() + "\n"


def _ip(call: Call, home: Home, words: Words) -> int:
    directory = home.open_vm(words.positionals[0])
    resolver = words.values.get("--resolver", "dhcp")
    deadline = time.monotonic() + max(1, words.values.get("--wait", 0))
    running = lock_owner(directory) is not None
    while True:
        address = json.loads(Path(f"{STATE}/leases.json").read_text()).get(read_config(directory)["macAddress"])
        if address and (resolver == "dhcp" or running):
            call.out(address + "\n")
            return 0
        if time.monotonic() >= deadline:
            break
        time.sleep(0.2)
    hint = "" if running else ", is your VM running?"
    if resolver == "agent":
        hint += " (also make sure that Guest agent for Tart is running inside of a VM)"
    if resolver == "arp" and read_config(directory)["os"] == "linux":
        hint += " (not all Linux distributions are compatible with the ARP resolver)"
    raise Fail(1, f"no IP address found{hint}\n")


def _rename(call: Call, home: Home, words: Words) -> int:
    call.writes()
    name, new = words.positionals
    if "/" in new:
        raise validation("rename", "<new-name> should be a local name")
    if not is_complete(home.vm_dir(name)):
        raise late_validation(f"failed to rename a non-existent local VM: {name}")
    if home.vm_dir(new).exists():
        raise late_validation(f"failed to rename VM {name}, target VM {new} already exists, delete it first!")
    home.vm_dir(name).rename(home.vm_dir(new))
    return 0


def _delete(call: Call, home: Home, words: Words) -> int:
    call.writes()
    for name in words.positionals:
        remote = parse_remote(name)
        path = home.cache_path(remote) if remote else home.vm_dir(name)
        if not path.exists():
            raise missing(str(remote) if remote else name)
        if not remote and lock_owner(path) is not None:
            raise Fail(1, f'VM "{name}" is running\n')
        if path.is_symlink():
            path.unlink()
            _drop_untagged(path.parent)
        else:
            shutil.rmtree(path)
            _drop_dangling(path.parent) if remote else None
    return 0


def _drop_dangling(namespace: Path) -> None:
    for link in namespace.iterdir():
        if link.is_symlink() and not link.exists():
            link.unlink()


def _fqn(call: Call, home: Home, words: Words) -> int:
    name = words.positionals[0]
    remote = parse_remote(name)
    if remote is None or remote.digest:
        call.out(f"{name}\n")
        return 0
    link = home.cache_path(remote)
    if not link.exists():
        raise Fail(1, f"OCI storage error: {remote} is not a digest and doesn't point to a digest\n")
    call.out(f"{remote.host}/{remote.namespace}@{link.resolve().name}\n")
    return 0


def _prune(call: Call, home: Home, words: Words) -> int:
    call.writes()
    values = words.values
    if not {"--older-than", "--space-budget", "--cache-budget", "--gc"} & set(values):
        raise validation("prune", "at least one pruning criteria must be specified")
    if {"--space-budget", "--cache-budget"} <= set(values):
        raise validation("prune", "--cache-budget is deprecated, please use --space-budget")
    entries = values.get("--entries", "caches")
    if entries not in ("caches", "vms"):
        raise late_validation('unsupported --entries value, please specify either "caches" or "vms"')
    if entries == "vms":
        found = [home.vm_dir(name) for name in home.local_names() if lock_owner(home.vm_dir(name)) is None]
    else:
        found = [config.parent for config in (home.root / "cache/OCIs").rglob("config.json")]
    _prune_directories(found, values)
    for namespace in {path.parent for path in found if entries == "caches"}:
        _drop_dangling(namespace)
        _drop_untagged(namespace) if "--gc" in values else None
    return 0


def _prune_directories(found: list[Path], values: dict[str, Any]) -> None:
    if "--older-than" in values:
        limit = time.time() - values["--older-than"] * 86400
        for path in [path for path in found if path.stat().st_atime <= limit]:
            shutil.rmtree(path)
    budget = values.get("--space-budget", values.get("--cache-budget"))
    if budget is not None:
        left = budget * GIB
        for path in sorted((path for path in found if path.exists()), key=lambda path: path.stat().st_atime, reverse=True):
            left -= sizes(path)[0]
            if left < 0:
                shutil.rmtree(path)


_COMMANDS = {
    "create": _create, "clone": _clone, "run": tart_run.run, "set": _set, "get": _get, "list": _list, "ip": _ip, "pull": _pull,
    "prune": _prune, "rename": _rename, "stop": tart_run.stop, "delete": _delete, "fqn": _fqn, "suspend": tart_run.suspend,
}
TOOLS = {"tart": tart}
