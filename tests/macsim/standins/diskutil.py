# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""diskutil and hdiutil: the container, its volumes, and volumes with a quota that are really mounted."""

from __future__ import annotations

import os
import plistlib
import re
import uuid
from typing import Any

from standins import disks
from standins.call import Call, Fail, Unexpected
from standins.mac import changed_store, read_store

_UNITS = {"": 1, "b": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4}


def diskutil(call: Call) -> int:
    words = call.argv
    if words[:2] == ["info", "-plist"] and len(words) == 3:
        return _info(call, words[2])
    if words == ["apfs", "list", "-plist"]:
        return _list(call)
    if words[:2] == ["apfs", "addVolume"]:
        return _add_volume(call, words[2:])
    if words[:2] == ["apfs", "deleteVolume"] and len(words) == 3:
        return _delete_volume(call, words[2])
    if words[:1] == ["unmount"] and len(words) in (2, 3):
        return disks.umount(Call("umount", (["-f"] if "force" in words else []) + [words[-1]], call.path))
    raise Unexpected("this verb")


def _volumes() -> list[dict[str, Any]]:
    size, free = disks.container()
    system = {"DeviceIdentifier": "disk3s1", "Name": "Macintosh HD", "Roles": ["System"], "CapacityInUse": 10 << 30}
    data = {"DeviceIdentifier": "disk3s5", "Name": "Data", "Roles": ["Data"], "CapacityInUse": max(0, size - free - (10 << 30))}
    fixed = [{**volume, "CapacityQuota": 0, "CapacityReserve": 0, "APFSVolumeUUID": str(uuid.uuid5(uuid.NAMESPACE_OID, volume["Name"])).upper()}
             for volume in (system, data)]
    return fixed + read_store("apfs.json", [])


def _list(call: Call) -> int:
    size, free = disks.container()
    volumes = [{key: value for key, value in volume.items() if key != "MountPoint"} for volume in _volumes()]
    container = {"ContainerReference": "disk3", "CapacityCeiling": size, "CapacityFree": free, "Volumes": volumes}
    call.out(plistlib.dumps({"Containers": [container]}).decode())
    return 0


def _info(call: Call, what: str) -> int:
    size, free = disks.container()
    volume = _find(what)
    if volume is None:
        call.out(plistlib.dumps({"Error": True, "ErrorMessage": f"Could not find disk: {what}"}).decode())
        return 1
    point = volume.get("MountPoint") or {"disk3s1": "/", "disk3s5": disks.DATA}.get(volume["DeviceIdentifier"], "")
    call.out(plistlib.dumps({
        "APFSContainerFree": free, "APFSContainerSize": size, "APFSContainerReference": "disk3", "CapacityInUse": volume["CapacityInUse"],
        "DeviceIdentifier": volume["DeviceIdentifier"], "FilesystemType": "apfs", "FilesystemPersonality": "APFS", "VolumeName": volume["Name"],
        "MountPoint": point, "SolidState": True, "Internal": True, "FileVault": False, "WritableVolume": point != "/", "Size": size,
        "FreeSpace": 0, "TotalSize": size, "VolumeUUID": volume["APFSVolumeUUID"],
    }).decode())
    return 0


def _find(what: str) -> dict[str, Any] | None:
    for volume in _volumes():
        if what.removeprefix("/dev/") in (volume["DeviceIdentifier"], volume["Name"], volume.get("MountPoint"), volume["APFSVolumeUUID"]):
            return volume
    if what == "/" or what == "disk3s1s1":
        return _find("disk3s1")
    if what.startswith("/") and os.path.exists(what) and (what == disks.DATA or what in ("/Users", "/opt", "/private")):
        return _find("disk3s5")
    return None


def _add_volume(call: Call, words: list[str]) -> int:
    call.writes()
    if len(words) < 3 or words[0] != "disk3" or words[1] not in ("APFS", "Case-sensitive APFS", "APFSX"):
        raise Unexpected("container, format and name")
    values = dict(zip(words[3::2], words[4::2]))
    if len(words) % 2 == 0 or set(values) - {"-quota", "-mountpoint", "-reserve", "-role"}:
        raise Unexpected("options of addVolume")
    point = values.get("-mountpoint", f"/Volumes/{words[2]}")
    quota = _bytes(values.get("-quota", "0"))
    with changed_store("apfs.json", []) as volumes:
        number = 6 + len(volumes) + sum(1 for volume in volumes if volume["DeviceIdentifier"] == f"disk3s{6 + len(volumes)}")
        device = f"disk3s{number}"
        os.makedirs(point, exist_ok=True)
        disks.make_mount(f"/dev/{device}", point, f"size={quota or 1 << 40}")
        volumes.append({
            "DeviceIdentifier": device, "Name": words[2], "Roles": [], "CapacityInUse": 0, "CapacityQuota": quota, "CapacityReserve": 0,
            "APFSVolumeUUID": str(uuid.uuid4()).upper(), "MountPoint": point,
        })
    call.out(f"Will export new {words[1]} Volume \"{words[2]}\" from APFS Container Reference disk3\nCreated new APFS Volume {device}\n")
    return 0


def _bytes(text: str) -> int:
    match = re.fullmatch(r"([0-9]+)([bkmgt]?)", text.lower())
    if not match:
        raise Unexpected(f"size {text}")
    return int(match.group(1)) * _UNITS[match.group(2)]


def _delete_volume(call: Call, what: str) -> int:
    call.writes()
    with changed_store("apfs.json", []) as volumes:
        for volume in volumes:
            if what.removeprefix("/dev/") in (volume["DeviceIdentifier"], volume["Name"], volume["APFSVolumeUUID"]):
                disks.umount(Call("umount", ["-f", volume["MountPoint"]], call.path))
                volumes.remove(volume)
                call.out("Started APFS operation\nDeleting APFS Volume from its APFS Container\nFinished APFS operation\n")
                return 0
    raise Fail(1, f"Could not find disk: {what}\n")


def hdiutil(call: Call) -> int:
    if call.argv == ["info", "-plist"]:
        call.out(plistlib.dumps({"framework": "671", "images": []}).decode())
        return 0
    raise Unexpected("only info -plist is known")


TOOLS = {"diskutil": diskutil, "hdiutil": hdiutil}
