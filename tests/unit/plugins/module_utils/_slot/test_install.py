# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way of slots onto a disk and into a launchd that is a dictionary."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pathlib
import re
import tempfile

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Lease, Terms, write_lease
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot import install, install_apply
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_plan import Goal
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_read import SLOT_LABEL_PREFIX, Layout, tell_slots
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_request import goal_of

TERMS = Terms("acme")
PYTHON = "/usr/bin/python3"
SETTINGS = b'{"slot": "linux-1"}\n'


class Mac:
    """``daemons``: loaded slots. ``program``: what a slot does when its daemon is loaded or its program changes."""

    def __init__(self, root: pathlib.Path) -> None:
        self.layout = Layout(str(root / "slot"), str(root / "state"), str(root / "log"), str(root / "daemons"), str(root / "newsyslog.conf"))
        for path in (root / "state", root / "daemons"):
            path.mkdir(mode=0o700)
        self.root, self.daemons, self.calls = root, set(), []
        self.broken, self.slow, self.locks, self.pids = set(), set(), {}, {}
        self.at_bootout = lambda slot: None
        self.compiled, self.compiles = [], Result(0, "", "")
        write_lease(self.layout.state_dir, Lease("acme", TERMS.digest, generation=1, boot="", state="admitted", since=0))

    def brought(self, text="program", version="0.1.0"):
        """A program as it was brought: its version, its checksum, its file."""
        content = text.encode()
        digest = hashlib.sha256(content).hexdigest()
        path = self.root / f"brought-{text}"
        path.write_bytes(content)
        return f"{version}-{digest[:12]}", digest, str(path)

    def run(self, argv, env=None, stdin=""):
        if argv[-1] == "compile":
            self.compiled.append((argv[0], os.path.relpath(argv[2], self.layout.root), os.path.exists(argv[2])))
            return self.compiles
        assert argv[0] == "/bin/launchctl"
        verb, slot = argv[1], re.sub(rf"(.*/)?{re.escape(SLOT_LABEL_PREFIX)}|\.plist$", "", argv[-1])
        self.calls.append((verb, slot))
        if verb == "print":
            return Result(0, f"\tstate = running\n\tpid = {self.pids[slot]}\n\truns = 1\n", "") if slot in self.daemons else Result(113, "", "")
        if verb == "bootstrap":
            self.daemons.add(slot)
            self.restart(slot)
            self.serve()
        if verb == "bootout":
            self.at_bootout(slot)
            self.daemons.discard(slot)
            self.let_go(slot)
        return Result(0, "", "")

    def serve(self):
        """What slots that run do at once: take over the program, honour their marks, go on with their jobs."""
        current = os.path.join(self.layout.root, "current")
        version = os.readlink(current) if os.path.islink(current) else ""
        for slot in self.daemons:
            status = self.status(slot)
            if status.get("state") == "job" or slot in self.slow:
                continue
            if version in self.broken:
                # It ends at once, and launchd starts it again.
                self.let_go(slot)
                self.restart(slot)
            else:
                self.hold(slot)
                self.record(slot, state="drained" if self.marked(slot) else "listening", program=version)

    def restart(self, slot):
        self.pids[slot] = self.pids.get(slot, 100) + 1

    def hold(self, slot):
        """The lock of a slot, as a program that serves it."""
        if slot not in self.locks:
            self.locks[slot] = open(os.path.join(self.layout.folder(slot), "lock"), "wb")
            fcntl.flock(self.locks[slot], fcntl.LOCK_EX)

    def let_go(self, slot):
        if slot in self.locks:
            self.locks.pop(slot).close()

    def status(self, slot):
        path = pathlib.Path(self.layout.folder(slot)) / "status.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def record(self, slot, **status):
        (pathlib.Path(self.layout.folder(slot)) / "status.json").write_text(json.dumps({**self.status(slot), **status}))

    def marked(self, slot):
        return os.path.exists(os.path.join(self.layout.folder(slot), "drain"))

    def converge(self, goal, brought=("", "", ""), check=False):
        tools = install_apply.Tools(self.run, self.layout, brought[2], brought[1], start_seconds=2, wait_seconds=2)
        return install.converge(tools, goal, TERMS, check)

    def goal(self, *slots, brought, **fields):
        return Goal(**{"slots": dict.fromkeys(slots, SETTINGS), "purge": True, "secrets": {"token": b"s\n"}, "version": brought[0], "python": PYTHON, **fields})


@pytest.fixture
def mac(monkeypatch):
    """Time passes when somebody waits, and slots serve meanwhile."""
    with tempfile.TemporaryDirectory(prefix=".mac-runners-test-", dir=pathlib.Path.home()) as directory:
        made, clock = Mac(pathlib.Path(directory)), [0.0]

        def sleep(seconds):
            clock[0] += seconds
            made.serve()

        monkeypatch.setattr("time.sleep", sleep)
        monkeypatch.setattr("time.monotonic", lambda: clock[0])
        monkeypatch.setattr(install, "_facts", lambda run: {})
        yield made


@pytest.fixture
def program(mac):
    return mac.brought()


def built(mac, *slots):
    brought = mac.brought()
    mac.converge(mac.goal(*slots, brought=brought), brought)
    return brought


def mode(path):
    return os.stat(path).st_mode & 0o777


pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files of root")


def test_a_bare_mac_is_built_once(mac, program):
    outcome = mac.converge(mac.goal("linux-1", "linux-2", brought=program), program)
    assert outcome.plan.changed and not outcome.failures and mac.daemons == {"linux-1", "linux-2"}
    layout = mac.layout
    assert os.readlink(f"{layout.root}/current") == program[0]
    assert (mode(layout.program(program[0])), mode(layout.root)) == (0o644, 0o755)
    folder = layout.folder("linux-1")
    assert [mode(path) for path in (layout.slots, layout.credentials, folder)] == [0o700] * 3
    assert [mode(path) for path in (f"{layout.credentials}/token", f"{folder}/settings.json")] == [0o600] * 2
    calls = len(mac.calls)
    assert not mac.converge(mac.goal("linux-1", "linux-2", brought=program)).plan.changed
    assert mac.calls[calls:] == [("print", "linux-1"), ("print", "linux-2")], "an idle run only looks"


@pytest.mark.parametrize("compiles", [Result(0, "", ""), Result(1, "", "disk full")])
def test_a_program_is_compiled_before_it_is_there_by_the_python_that_runs_it(mac, program, compiles):
    mac.compiles = compiles
    assert not mac.converge(mac.goal("linux-1", brought=program), program).failures
    assert mac.compiled == [(PYTHON, f"{program[0]}/.new-slot.pyz", True)]
    assert os.listdir(os.path.join(mac.layout.root, program[0])) == ["slot.pyz"]


def test_a_mac_that_lacks_the_program_says_so_and_is_left_alone(mac, program):
    outcome = mac.converge(mac.goal("linux-1", brought=program))
    assert outcome.lacking and not outcome.plan.changed and not os.path.exists(mac.layout.root)


def test_check_mode_tells_all_and_does_nothing(mac, program):
    outcome = mac.converge(mac.goal("linux-1", brought=program), check=True)
    assert [step.action for step in outcome.plan.steps] == ["install", "switch", "write", "write", "settings", "load"]
    assert not outcome.lacking and sorted(os.listdir(mac.layout.state_dir)) == ["lease.json"]


def test_a_program_with_another_checksum_is_not_installed(mac, program):
    with pytest.raises(MacRunnersError, match="has another SHA-256"):
        mac.converge(mac.goal("linux-1", brought=program), (program[0], "0" * 64, program[2]))
    assert not os.path.exists(mac.layout.root) and not mac.daemons


def test_without_a_lease_nothing_is_built(mac, program):
    write_lease(mac.layout.state_dir, Lease("acme", "another", generation=1, boot="", state="admitted", since=0))
    with pytest.raises(MacRunnersError, match="other pools"):
        mac.converge(mac.goal("linux-1", brought=program), program)
    assert not os.path.exists(mac.layout.slots)


def test_a_killed_run_is_mended(mac, program):
    """A version without its program, a slot without its daemon."""
    os.makedirs(os.path.join(mac.layout.root, program[0]))
    os.makedirs(mac.layout.folder("linux-1"))
    os.chmod(mac.layout.root, 0o755)
    mac.converge(mac.goal("linux-1", brought=program), program)
    assert mac.daemons == {"linux-1"} and os.path.exists(mac.layout.program(program[0]))


def test_a_program_that_does_not_come_up_gives_way_to_the_one_before(mac):
    first = built(mac, "linux-1")
    newer = mac.brought("broken", "0.2.0")
    mac.broken.add(newer[0])
    with pytest.raises(MacRunnersError, match=f"did not come up within 2 s, {first[0]} is current again: slot linux-1: "):
        mac.converge(mac.goal("linux-1", brought=newer), newer)
    assert os.readlink(f"{mac.layout.root}/current") == first[0]


def settings_of(mac, slot):
    return pathlib.Path(mac.layout.folder(slot), "settings.json").read_bytes()


def test_what_is_merely_slow_throws_no_upgrade_back(mac):
    """It boots a VM, or waits for GitHub to let a runner go: its own program still serves it."""
    first = built(mac, "linux-1", "linux-2")
    mac.slow.add("linux-1")
    mac.record("linux-1", state="withdrawing")
    newer = mac.brought("newer", "0.2.0")
    outcome = mac.converge(mac.goal("linux-1", "linux-2", brought=newer), newer)
    assert (outcome.failures, os.readlink(f"{mac.layout.root}/current")) == ({}, newer[0])
    assert (mac.status("linux-1")["program"], mac.status("linux-2")["program"]) == (first[0], newer[0])
    mac.slow.clear()
    mac.serve()
    assert not mac.converge(mac.goal("linux-1", "linux-2", brought=newer)).failures


def test_a_slow_slot_hides_no_broken_program(mac):
    built(mac, "linux-1", "linux-2")
    mac.slow.add("linux-1")
    newer = mac.brought("broken", "0.2.0")
    mac.broken.add(newer[0])
    with pytest.raises(MacRunnersError, match="is current again: slot linux-2: [^;]*$"):
        mac.converge(mac.goal("linux-1", "linux-2", brought=newer), newer)


def test_with_the_program_its_settings_are_put_back(mac):
    first = built(mac, "linux-1", "linux-2")
    mac.record("linux-2", state="job", job="build")
    newer, calls = mac.brought("broken", "0.2.0"), len(mac.calls)
    mac.broken.add(newer[0])
    with pytest.raises(MacRunnersError, match=f"{first[0]} is current again"):
        mac.converge(mac.goal(brought=newer, slots=dict.fromkeys(("linux-1", "linux-2"), b'{"new": 1}\n')), newer)
    assert [settings_of(mac, slot) for slot in ("linux-1", "linux-2")] == [SETTINGS, SETTINGS]
    assert "settings.earlier.json" not in os.listdir(mac.layout.folder("linux-1"))
    assert {verb for verb, _slot in mac.calls[calls:]} == {"print"}, "no daemon was touched"


class Killed(BaseException):
    """No code catches it; what it leaves is what SIGKILL leaves, since nothing of the module's mends anything on its way out."""


def kill_at(monkeypatch, mac, step):
    """Die at one of the calls that change something; how many there were."""
    done = [0]

    def watched(real):
        def call(*args, **more):
            done[0] += 1
            if done[0] == step:
                raise Killed
            return real(*args, **more)

        return call

    for name in ("replace", "symlink", "unlink", "mkdir", "rename"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    real = mac.run
    dying = watched(real)
    monkeypatch.setattr(mac, "run", lambda argv, **more: (real if argv[1].startswith("print") else dying)(argv, **more))
    return done


@pytest.mark.parametrize("broken", [False, True])
def test_an_upgrade_that_is_killed_anywhere_is_finished_by_the_next_run(mac, broken):
    first, newer = mac.brought(), mac.brought("newer", "0.2.0")
    slots = dict.fromkeys(("linux-1", "linux-2"), b'{"new": 1}\n')

    def upgrade():
        return mac.converge(mac.goal(brought=newer, slots=slots), newer)

    step = ended = 0
    while not ended:
        step += 1
        mac.broken.clear()
        mac.converge(Goal(slots={}, purge=True, secrets={}))
        mac.converge(mac.goal("linux-1", "linux-2", brought=first), first)
        mac.broken.update({newer[0]} if broken else ())
        with pytest.MonkeyPatch.context() as patch:
            kill_at(patch, mac, step)
            try:
                upgrade()
                ended = step
            except Killed:
                pass
            except MacRunnersError:
                ended = step
        # Somebody has to start the next run, and slots look each second.
        mac.serve()
        if broken:
            with pytest.raises(MacRunnersError, match=f"{first[0]} is current again"):
                upgrade()
        else:
            assert not upgrade().failures
            assert not upgrade().plan.changed
            mac.serve()
        wanted = (first[0], SETTINGS) if broken else (newer[0], slots["linux-1"])
        assert (os.readlink(f"{mac.layout.root}/current"), settings_of(mac, "linux-1"), settings_of(mac, "linux-2")) == (*wanted, wanted[1]), step
        assert mac.status("linux-1")["program"] == wanted[0]
    assert ended > 8


def test_a_first_program_that_does_not_come_up_is_a_failure_of_its_slot(mac, program):
    mac.broken.add(program[0])
    outcome = mac.converge(mac.goal("linux-1", brought=program), program)
    assert "did not come up with program" in outcome.failures["linux-1"]


def test_a_busy_slot_keeps_its_program_until_its_job_has_ended(mac):
    first = built(mac, "linux-1", "linux-2")
    mac.record("linux-1", state="job", job="build")
    newer = mac.brought("newer", "0.2.0")
    assert not mac.converge(mac.goal("linux-1", "linux-2", brought=newer), newer).failures
    assert (mac.status("linux-1")["program"], mac.status("linux-2")["program"]) == (first[0], newer[0])
    newest = mac.brought("newest", "0.3.0")
    mac.converge(mac.goal("linux-1", "linux-2", brought=newest), newest)
    assert os.path.exists(mac.layout.program(first[0])), "a slot still runs it"
    mac.record("linux-1", state="listening", program=newest[0])
    mac.converge(mac.goal("linux-1", "linux-2", brought=newest))
    assert not os.path.exists(mac.layout.program(first[0])) and os.path.exists(mac.layout.program(newer[0]))


def test_a_slot_that_goes_is_waited_for_and_then_gone(mac, program):
    built(mac, "linux-1", "linux-2")
    mac.record("linux-2", state="job", job="build", runner="mac-1-linux-2-0")
    outcome = mac.converge(mac.goal("linux-1", brought=program))
    assert outcome.busy == {"linux-2": "job build on mac-1-linux-2-0"} and [step.action for step in outcome.plan.steps] == ["drain"]
    assert not mac.converge(mac.goal("linux-1", brought=program)).plan.changed, "nothing more can be done yet"
    mac.record("linux-2", state="drained")
    outcome = mac.converge(mac.goal("linux-1", brought=program))
    assert (outcome.busy, mac.daemons, os.path.exists(mac.layout.folder("linux-2"))) == ({}, {"linux-1"}, False)


def test_one_that_began_a_job_at_the_last_moment_goes_on(mac, program):
    built(mac, "linux-1")
    mac.at_bootout = lambda slot: mac.record(slot, state="job", job="late")
    outcome = mac.converge(Goal(slots={}, purge=True, secrets={}))
    assert outcome.busy == {"linux-1": "job late"} and mac.daemons == {"linux-1"}


def test_the_last_slot_takes_everything_along(mac):
    built(mac, "linux-1")
    outcome = mac.converge(Goal(slots={}, purge=True, secrets={}))
    assert not outcome.busy and not mac.daemons and os.listdir(mac.layout.daemons) == []
    assert sorted(os.listdir(mac.root)) == ["brought-program", "daemons", "state"]
    assert sorted(os.listdir(mac.layout.state_dir)) == ["lease.json", "lock"]


def test_force_ends_a_job(mac, monkeypatch):
    ended = []
    monkeypatch.setattr(install_apply, "end_environment", lambda run, slot, state_dir: ended.append((slot.name, slot.settings)))
    built(mac, "linux-1")
    mac.record("linux-1", state="job", job="build")
    outcome = mac.converge(Goal(slots={}, purge=True, secrets={}, force=True))
    assert (outcome.busy, ended, mac.daemons) == ({}, [("linux-1", SETTINGS)], set())


def test_force_waits_for_the_task_that_a_program_left_behind(mac, monkeypatch):
    """A clone goes on when launchd has ended the program: what it makes would be nobody's."""
    built(mac, "linux-1")
    left = []

    def bootout(slot):
        left.append(os.dup(mac.locks[slot].fileno()))

    def end(run, slot, state_dir):
        assert not left, "a task may still make what is being ended"

    mac.at_bootout = bootout
    monkeypatch.setattr(install_apply, "end_environment", end)
    with pytest.raises(MacRunnersError, match="slot linux-1: a task of it still runs 120 s after its program ended"):
        mac.converge(Goal(slots={}, purge=True, secrets={}, force=True))
    assert os.path.exists(mac.layout.folder("linux-1"))
    monkeypatch.setattr("time.sleep", lambda seconds: os.close(left.pop()))
    assert not mac.converge(Goal(slots={}, purge=True, secrets={}, force=True)).busy
    assert not os.path.exists(mac.layout.folder("linux-1"))


def test_drain_and_undrain(mac):
    built(mac, "linux-1", "linux-2")
    mac.record("linux-2", state="job", job="build")
    assert mac.converge(Goal(drain=True)).busy == {"linux-2": "job build"}
    told = tell_slots(mac.layout.state_dir)
    assert [slot["mark"] for slot in told] == ["drain", "drain"] and {slot["isolation"] for slot in told} == {""}
    settings = json.dumps({"slot": "linux-1", "pools": [{"name": "lin", "isolation": "tart"}, {"name": "linux", "isolation": "docker"}]})
    pathlib.Path(mac.layout.folder("linux-1"), "settings.json").write_text(settings)
    assert tell_slots(mac.layout.state_dir)[0]["isolation"] == "docker"
    mac.record("linux-2", state="drained")
    again = mac.converge(Goal(drain=True))
    assert (again.busy, again.plan.changed) == ({}, False)
    assert mac.converge(Goal(drain=False)).plan.changed and not mac.marked("linux-1")


@pytest.mark.parametrize("goal", [Goal(drain=True), Goal(drain=False), Goal(slots={}, purge=True, secrets={}), Goal(absent=("linux-1",))])
def test_a_slot_that_nobody_runs_is_loaded_by_plays_that_know_no_pools(mac, goal):
    built(mac, "linux-1")
    mac.daemons.clear()
    write_lease(mac.layout.state_dir, Lease("acme", Terms("acme", [{"name": "linux"}]).digest, generation=1, boot="", state="admitted", since=0))
    outcome = mac.converge(goal)
    assert (outcome.busy, outcome.failures, ("bootstrap", "linux-1") in mac.calls[-9:]) == ({}, {}, True)
    with pytest.raises(MacRunnersError, match="is for other pools"):
        mac.converge(mac.goal("linux-2", brought=mac.brought("newer")), mac.brought("newer"))


@pytest.mark.parametrize("goal", [Goal(), Goal(drain=True), Goal(slots={}, purge=True, secrets={})])
def test_a_folder_of_slots_that_is_a_link_is_refused(mac, goal):
    built(mac, "linux-1")
    os.rename(mac.layout.slots, f"{mac.layout.slots}.elsewhere")
    os.symlink(f"{mac.layout.slots}.elsewhere", mac.layout.slots)
    with pytest.raises(MacRunnersError, match="slots is a link to .*elsewhere; allowed: a folder of root"):
        mac.converge(goal)
    assert mac.daemons == {"linux-1"}


@pytest.mark.parametrize("field, given", [("wait", -1), ("start_timeout", 0), ("start_timeout", -5), ("wait", 86401)])
def test_seconds_that_mean_nothing_are_refused(field, given):
    params = {"slots": None, "absent": [], "start_timeout": 60, "wait": 10, field: given}
    with pytest.raises(MacRunnersError, match=f"^field {field}: got {given}; allowed: [01] to 86400 seconds$"):
        goal_of(params, Layout())


def test_a_link_in_the_place_of_something_of_ours_is_not_followed(mac, program):
    os.makedirs(mac.layout.root, 0o755)
    os.mkdir(f"{mac.layout.root}/current")
    with pytest.raises(MacRunnersError, match="current is no link; it is not touched"):
        mac.converge(mac.goal("linux-1", brought=program), program)
    os.rmdir(f"{mac.layout.root}/current")
    built(mac, "linux-1")
    path = os.path.join(mac.layout.credentials, "token")
    os.unlink(path)
    os.symlink("/etc/shadow", path)
    with pytest.raises(MacRunnersError, match="token cannot be read"):
        mac.converge(mac.goal("linux-1", brought=program), program)
