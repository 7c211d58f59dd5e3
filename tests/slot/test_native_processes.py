# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runners that are processes of this machine, with users of it by number: what the isolation sees, starts, ends and removes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import Account
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.home import renew_home
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.processes import end_processes
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.job import JobLimits
from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.ports import PortRange
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.native_place import NativePlace
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.native_slot import NativeSlot
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import ENDED, READY, RUNNING, VANISHED, Environment, Once, SlotError
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot import native as native_module
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.command import run
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.native import NativeIsolation, NativeSettings, Surroundings
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.native_tasks import SlotProcesses

UID, OTHER = 28701, 28702
NAME = "mac-runners-acct-1"
#: Asks for the config as the runner does, and says what a job would see.
#: What a listener says when it begins a job.
BEGINS = "echo '2026-01-02 03:04:05Z: Running job: build'"
LISTENER = """#!/bin/sh
test -n "$ACTIONS_RUNNER_INPUT_JITCONFIG" || exit 9
echo "2026-01-02 03:04:05Z: Listening for Jobs"
cd "$HOME/work" && . ./job
"""


def command(argv: t.Sequence[str], *rest: t.Any, **more: t.Any) -> Result:
    """This machine has no launchd."""
    return Result(113, "", "no such domain") if argv[0] == "/bin/launchctl" else run(argv, *rest, **more)


class Numbered:
    """An account that is a number alone."""

    def __init__(self, place: NativePlace) -> None:
        self._place = place

    def reset(self) -> None:
        end_processes(command, UID)
        renew_home(self._place.kept)

    def end(self) -> None:
        end_processes(command, UID)


class Slot:
    """A slot in ``base``, and its isolation, which can be born again."""

    def __init__(self, base: pathlib.Path, words: list[str], **changes: t.Any) -> None:
        self.folder = base / "slots" / "acct-1"
        for path, mode in ((base / "homes", 0o755), (base / "slots", 0o700), (self.folder, 0o700), (base / "package" / "bin", 0o755)):
            path.mkdir(mode=mode, parents=True)
        (base / "package").chmod(0o755)
        listener = base / "package" / "bin" / "Runner.Listener"
        listener.write_text(LISTENER)
        listener.chmod(0o755)
        account = Account(NAME, UID, "acct", str(base / "homes" / NAME))
        limits = JobLimits(file_size=2**30, open_files=256, memory_watch=changes.pop("memory_watch", "off"))
        self.place = NativePlace("acct-1", account, str(base / "package"), "", {}, "", limits, PortRange(20000, 20099))
        self.words, self.memory = words, changes.pop("memory", 2**30)
        self.core = NativeSlot(self.place, str(self.folder), Numbered(self.place), SlotProcesses(words), ("/bin/cp", "-R", "-p"))
        self.wake, self._write = os.pipe()
        self.notes: list[dict[str, t.Any]] = []
        self.tasks = {"native-make": self.core.make, "native-start": self.core.start, "native-end": self.core.end, "native-destroy": self.core.destroy}

    def ask(self, task: str, _seconds: float, place: t.Any, **request: t.Any) -> dict[str, t.Any]:
        """In place of short-lived children."""
        assert place == self.place.where
        self.tasks[task](**request)
        return {}

    def isolation(self) -> NativeIsolation:
        logs = self.place.entry(["/usr/bin/tar", "-cf", "-", "_diag"], self.place.outside.runner)
        settings = NativeSettings(NAME, UID, self.place.where, "acct", self.memory, self.place.limits.memory_watch, self.words, logs)
        return NativeIsolation(settings, Surroundings(str(self.folder), t.cast(t.Any, self), self.wake, self.note, lambda: None))

    def note(self, event: str, **fields: t.Any) -> None:
        """A line of the slot's log."""
        self.notes.append({"event": event, **fields})

    def begin(self, job: str) -> Environment:
        """A runner whose job is this script."""
        isolation = self.isolation()
        environment = isolation.prepare(1, "mac-1-acct-1-x")
        script = pathlib.Path(self.place.outside.work) / "job"
        script.write_text(job)
        script.chmod(0o755)
        isolation.start(environment, Once("the-config\n"))
        return environment

    def follow(self, environment: Environment, seconds: float = 20.0) -> tuple[list[str], t.Optional[int], str]:
        """All lines, the exit code and the fault."""
        watch, lines, deadline = self.isolation().watch(environment), [], time.monotonic() + seconds
        while time.monotonic() < deadline:
            seen = watch.read(0.05)
            lines += seen.lines
            if seen.exit_code is not None:
                return lines, seen.exit_code, seen.fault
        return lines, None, ""

    def wait(self, met: t.Callable[[], t.Any], seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not met():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def output(self) -> str:
        log = self.folder / "native" / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    def close(self) -> None:
        end_processes(command, UID)
        os.close(self.wake)
        os.close(self._write)


def processes(uid: int = UID) -> list[str]:
    rows = subprocess.run(["ps", "-axo", "uid=,stat=,args="], capture_output=True, text=True, check=True).stdout.splitlines()
    return [row for row in rows if row.split()[0] == str(uid) and not row.split()[1].startswith("Z")]


@pytest.fixture
def base() -> t.Iterator[pathlib.Path]:
    made = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def words(python: str, program: pathlib.Path) -> list[str]:
    return [python, "-I", str(program), "enter"]


@pytest.fixture
def slot(base: pathlib.Path, words: list[str]) -> t.Iterator[Slot]:
    made = Slot(base, words)
    yield made
    made.close()


def test_from_nothing_to_nothing(slot: Slot) -> None:
    isolation = slot.isolation()
    assert isolation.observe() == []
    environment = isolation.prepare(1, "mac-1-acct-1-x")
    assert isolation.observe() == [environment] and environment.state == READY
    home = pathlib.Path(slot.place.account.home)
    assert {(path.stat().st_uid, path.stat().st_gid) for path in home.rglob("*")} == {(UID, UID)}
    assert [oct(path.stat().st_mode & 0o777) for path in (home, home / "work", home / "tmp", home / "work" / "cache")] == ["0o700"] * 4
    (home / "work" / "job").write_text("id -u; id -G; umask; pwd; exit 3")
    isolation.start(environment, Once("the-config\n"))
    assert isolation.observe()[0].state in (RUNNING, ENDED)
    lines, exit_code, fault = slot.follow(environment)
    assert (lines[1:], exit_code, fault) == ([str(UID), str(UID), "0077", f"{home}/work"], 3, "")
    assert isolation.observe() == [environment._replace(state=ENDED)]
    isolation.destroy(environment)
    assert isolation.observe() == [] and list(slot.folder.iterdir()) == []
    assert [path.name for path in home.iterdir()] == ["tmp"]


def test_a_child_that_left_its_session_goes_with_the_runner(slot: Slot) -> None:
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    escape = f"import os, signal, time; os.setsid(); {deaf}; time.sleep(500)"
    environment = slot.begin(f'/usr/bin/python3 -c "{escape}" < /dev/null > "$HOME/held" 2>&1 & sleep 1; ln -s /etc link; mkdir -p a/b; exit 0')
    assert slot.follow(environment)[1] == 0
    assert [row for row in processes() if "setsid" in row], "it outlives the runner"
    slot.isolation().destroy(environment)
    assert processes() == [] and os.path.exists("/etc/passwd") and list(slot.folder.iterdir()) == []


def test_a_second_life_sees_all_lines_and_the_end(slot: Slot) -> None:
    environment = slot.begin("echo one; sleep 2; echo two; exit 4")
    first = slot.isolation().watch(environment)
    slot.wait(lambda: "one" in slot.output())
    assert "one" in first.read(0.1).lines
    (found,) = slot.isolation().observe()
    assert found == environment._replace(state=RUNNING)
    lines, exit_code, _fault = slot.follow(found)
    assert (lines[-2:], exit_code) == (["one", "two"], 4)


def test_what_keeps_a_runner_may_be_killed_and_nothing_is_taken_for_alive(slot: Slot) -> None:
    environment = slot.begin("echo one; sleep 300")
    slot.wait(lambda: "one" in slot.output())
    words = {int(path.parent.name): path.read_bytes().split(b"\0") for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if path.exists()}
    (keeper,) = [pid for pid, argv in words.items() if argv[0] == b"/bin/sh" and os.fsencode(slot.folder / "native") in argv]
    os.kill(keeper, signal.SIGKILL)
    slot.wait(lambda: slot.isolation().observe()[0].state == ENDED)
    assert slot.follow(environment)[1] == VANISHED
    slot.isolation().destroy(environment)
    assert processes() == [] and slot.isolation().observe() == []


def test_one_config_starts_one_runner(slot: Slot) -> None:
    environment = slot.begin("exit 0")
    slot.follow(environment)
    with pytest.raises(SlotError, match="no fresh one: it gets no JIT config"):
        slot.isolation().start(environment, Once("again\n"))
    with pytest.raises(SlotError, match="used already"):
        spent = Once("x\n")
        spent.spend()
        slot.isolation().start(environment, spent)


def test_a_home_that_got_no_config_can_be_used_for_another_runner_and_no_other_one(slot: Slot) -> None:
    isolation = slot.isolation()
    environment = isolation.prepare(7, "mac-1-acct-1-x")
    renewed = isolation.renew(environment, "mac-1-acct-1-y")
    assert renewed == Environment(NAME, READY, 7, "mac-1-acct-1-y") and isolation.observe() == [renewed]
    isolation.start(renewed, Once("the-config\n"))
    assert isolation.renew(renewed, "mac-1-acct-1-z") is None


def test_no_argument_list_and_no_file_of_root_holds_the_config(slot: Slot) -> None:
    isolation = slot.isolation()
    environment = isolation.prepare(1, "mac-1-acct-1-x")
    (pathlib.Path(slot.place.outside.work) / "job").write_text("sleep 2")
    isolation.start(environment, Once("needle-in-a-config\n"))
    slot.wait(lambda: "Listening" in slot.output())
    assert "needle" not in subprocess.run(["ps", "-axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    slot.follow(environment)
    assert (slot.folder / "native" / "exit").exists()
    for path in [path for path in slot.folder.rglob("*") if path.is_file()]:
        assert b"needle" not in path.read_bytes() and path.stat().st_mode & 0o077 == 0, path


def test_a_job_that_writes_over_its_log_or_never_stops_writing_ends_all_the_same(slot: Slot) -> None:
    endless = "(trap '' HUP TERM; while :; do echo still here; done) & sleep 1; exit 0"
    environment = slot.begin(f"/usr/bin/python3 -c 'import os; os.ftruncate(1, 0)'; echo after; sleep 2; {endless}")
    lines, exit_code, _fault = slot.follow(environment)
    assert exit_code == 0 and "after" in lines
    slot.isolation().destroy(environment)
    assert processes() == []


def test_only_a_worker_of_the_account_makes_it_busy(slot: Slot) -> None:
    isolation = slot.isolation()
    environment = slot.begin("echo one; exec /usr/bin/python3 -c 'import time; time.sleep(100)'")
    stranger = subprocess.Popen(["setpriv", f"--reuid={OTHER}", "--clear-groups", "bash", "-c", "exec -a /x/bin/Runner.Worker sleep 100"])
    try:
        slot.wait(lambda: processes(OTHER) and "one" in slot.output())
        assert isolation.busy(environment) is False
        own = subprocess.Popen(["setpriv", f"--reuid={UID}", "--clear-groups", "bash", "-c", "exec -a /x/bin/Runner.Worker sleep 100"])
        slot.wait(lambda: isolation.busy(environment))
        own.kill()
        own.wait()
    finally:
        stranger.kill()
        stranger.wait()


def test_when_ps_says_nothing_nobody_is_taken_for_idle(slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_module, "_BUSY_ARGV", ("/bin/true",))
    with pytest.raises(SlotError, match="ps does not tell"):
        slot.isolation().busy(slot.isolation().prepare(1, "x"))


def test_the_logs_are_read_with_the_rights_of_the_account(slot: Slot, base: pathlib.Path) -> None:
    secret = base / "secret"
    secret.mkdir(mode=0o700)
    (secret / "key").write_text("needle")
    job = f'cd "$HOME/work/runner"; mkdir _diag; echo fine > _diag/Runner_1.log; ln -s {secret} _diag/link; ln -s {secret}/key _diag/key; exit 0'
    environment = slot.begin(job)
    slot.follow(environment)
    with tarfile.open(fileobj=io.BytesIO(b"".join(slot.isolation().diagnostics(environment)))) as archive:
        kinds = {entry.name: entry.type for entry in archive}
        log = t.cast(t.IO[bytes], archive.extractfile("_diag/Runner_1.log")).read()
    assert log == b"fine\n" and kinds["_diag/link"] == kinds["_diag/key"] == tarfile.SYMTYPE
    runner = pathlib.Path(slot.place.outside.runner)
    runner.rename(runner.with_name("moved"))
    runner.symlink_to(secret)
    assert b"needle" not in b"".join(slot.isolation().diagnostics(environment))


@pytest.fixture
def watched(base: pathlib.Path, words: list[str], monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Slot]:
    monkeypatch.setattr("ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.memory.FAR", 0.2)
    monkeypatch.setattr("ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.memory.NEAR", 0.2)
    made = Slot(base, words, memory=160 * 2**20, memory_watch="end")
    yield made
    made.close()


def test_a_job_past_its_memory_is_asked_to_end_and_says_why(watched: Slot) -> None:
    """The listener becomes a process that is told SIGINT, as the runner is."""
    environment = watched.begin(f"{BEGINS}; exec /usr/bin/python3 -c 'import signal, sys, time; signal.signal(signal.SIGINT, lambda *_: sys.exit(0)); "
                                "held = bytearray(180 * 2**20); time.sleep(100)'")
    _lines, exit_code, fault = watched.follow(environment)
    assert exit_code == 0 and re.fullmatch(r'pool "acct", field memory: the job uses 0\.1\d GiB of 0\.16 GiB and was ended', fault)
    assert [note["action"] for note in watched.notes][-1] == "end"
    assert watched.follow(environment)[2] == fault, "a second life says the same"


def test_a_job_that_runs_away_is_killed_with_all_it_has(watched: Slot) -> None:
    greedy = "exec /usr/bin/python3 -c 'import time; held = bytearray(300 * 2**20); time.sleep(100)'"
    environment = watched.begin(f"{BEGINS}; trap '' INT; (trap '' INT TERM; sleep 200) & {greedy}")
    _lines, exit_code, fault = watched.follow(environment)
    assert exit_code == 128 + signal.SIGKILL and "was ended" in fault
    assert processes() == []


@pytest.mark.parametrize(("job", "least", "most"), [(f"{BEGINS}; sleep 2; exit 0", 3, 99), ("sleep 2; exit 0", 1, 1)])
def test_a_job_within_its_memory_is_left_alone_and_a_runner_that_waits_not_looked_at(
    watched: Slot, monkeypatch: pytest.MonkeyPatch, job: str, least: int, most: int
) -> None:
    looks: list[float] = []
    look = native_module.Guard.look
    monkeypatch.setattr(native_module.Guard, "look", lambda guard: (looks.append(0.0), look(guard)))
    environment = watched.begin(job)
    assert watched.follow(environment)[1:] == (0, "") and watched.notes == []
    assert least <= len(looks) <= most


def enter(words: list[str], entry: dict[str, t.Any], rest: str = "", **more: t.Any) -> subprocess.CompletedProcess[str]:
    full = {"at": "", "cwd": "/", "uid": UID, "gid": UID, "root": "", "rlimits": [], "environment": {"PATH": "/usr/bin:/bin"}, **entry}
    return subprocess.run(words, input=json.dumps(full) + "\n" + rest, capture_output=True, text=True, check=False, timeout=30, **more)


def test_nothing_of_root_is_left_in_what_enters(words: list[str], tmp_path: pathlib.Path) -> None:
    secret = os.open(tmp_path, os.O_RDONLY)
    script = "id -u; id -G; ls /proc/self/fd; cat; kill -0 1 2>/dev/null || echo no; ulimit -Hn; ps -o sid= -p $$"
    done = enter(words, {"argv": ["/bin/sh", "-c", script], "rlimits": [["RLIMIT_NOFILE", 99]]}, "the rest\n", pass_fds=[secret], env={"SECRET": "x"})
    os.close(secret)
    said = done.stdout.split()
    assert said[:6] == [str(UID), str(UID), "0", "1", "2", "3"], done
    assert said[6:10] == ["the", "rest", "no", "99"] and int(said[10]) > 1


def test_a_jail_is_all_that_is_seen(words: list[str], base: pathlib.Path) -> None:
    jail = base / "jail"
    needed = re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", "/bin/dash"], capture_output=True, text=True, check=True).stdout)
    for path in ["/bin/dash", *needed]:
        target = jail / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(path), target)
    done = enter(words, {"argv": ["/bin/dash", "-c", "echo /*; pwd; cd ..; pwd"], "root": str(jail)})
    assert done.stdout.split("\n")[1:3] == ["/", "/"] and set(done.stdout.split("\n")[0].split()) <= {"/bin", "/lib", "/lib64"}, done


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"argv": ["/nowhere/listener"]}, "/nowhere/listener cannot be started as user 28701: [Errno 2]"),
        ({"argv": ["/bin/sh"], "cwd": "/root"}, "/bin/sh cannot be started as user 28701: [Errno 13]"),
        ({"argv": ["/bin/sh"], "root": "/nowhere"}, "/bin/sh cannot be started as user 28701: [Errno 2]"),
    ],
)
def test_what_cannot_enter_says_why(words: list[str], entry: dict[str, t.Any], said: str) -> None:
    done = enter(words, entry)
    assert (done.returncode, done.stdout) == (71, "") and done.stderr.startswith(said)


def test_without_a_config_no_runner_starts(slot: Slot) -> None:
    """The child that hands it over was killed in the middle of it."""
    slot.isolation().prepare(1, "x")
    lock = slot.core._run.begin()
    with contextlib.closing(os.fdopen(lock)):
        entry = {**slot.place.job_entry(), "pid_file": slot.core._run.pid_file}
        done = subprocess.run(slot.words, input=json.dumps(entry)[:-20], capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode != 0 and "Listening" not in done.stdout
        done = subprocess.run(slot.words, input=json.dumps(entry) + "\nhalf a conf", capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 72 and "Listening" not in done.stdout
