# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jails made, renewed, removed and refused: a real chroot, real copies."""

from __future__ import annotations

import os
import pathlib
import socket
import stat
import subprocess
import time
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.build import reset_jail
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.converge import described
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.wanted import Content, Jail, User, usual_contents
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import LeaseError, Terms
from tests.unit.plugins.module_utils._jails.workbench import ACCOUNT, POOLS, UID, Workbench, fingerprint, names

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the root of a process, make devices and give files away")
ONE = {"name": "build-1"}
TWO = {"name": "build-2", "user": ACCOUNT}


def actions(done: t.Any) -> t.List[t.Tuple[str, str]]:
    return [(step.resource, step.action) for step in done.plan.steps]


def template_of(bench: Workbench) -> str:
    (template,) = [name for name in names(bench.base) if name.startswith(".template-")]
    return template


def refused(bench: Workbench, *jails: t.Mapping[str, t.Any], **options: t.Any) -> str:
    """What is said to a request; nothing changes, not even a time."""
    before = fingerprint(bench.base.parent)
    with pytest.raises(MacRunnersError) as caught:
        bench.run(*jails, **options)
    assert fingerprint(bench.base.parent) == before
    return str(caught.value)


def test_made_once_and_programs_start_in_them(bench: Workbench) -> None:
    predicted = bench.run(ONE, TWO, check=True)
    assert not bench.base.exists()
    done = bench.run(ONE, TWO)
    template = template_of(bench)
    wanted = [(str(bench.base), "make"), (template, "build"), ("build-1", "create"), ("build-2", "create")]
    assert actions(predicted) == actions(done) == wanted and predicted.plan.diff == done.plan.diff
    assert names(bench.base) == [template, "build-1", "build-2"] and template.startswith(".template-25B78-")
    assert described(str(bench.base), done.store)["build-2"] == {"path": str(bench.root("build-2")), "template": template, "user": ACCOUNT}
    for name in ("build-1", "build-2"):
        assert subprocess.run(["/usr/sbin/chroot", f"--userspec={UID}:{UID}", str(bench.root(name)), "/usr/bin/true"], check=False).returncode == 0
    before = fingerprint(bench.base)
    assert not bench.run(ONE, TWO).plan.changed and fingerprint(bench.base) == before


def test_what_is_in_a_jail(bench: Workbench) -> None:
    bench.run(TWO)
    root = bench.root("build-2")
    for name in ("null", "zero", "random", "urandom", "tty"):
        node = (root / "dev" / name).stat()
        assert (stat.S_ISCHR(node.st_mode), stat.S_IMODE(node.st_mode), node.st_rdev) == (True, 0o666, os.stat(f"/dev/{name}").st_rdev)
    assert (root / "private/etc/resolv.conf").read_text() == "nameserver 10.0.0.1\n"
    assert [os.readlink(root / name) for name in ("etc", "tmp", "var")] == ["private/etc", "private/tmp", "private/var"]
    assert stat.S_IMODE((root / "private/tmp").stat().st_mode) == 0o1777
    home = (root / f"Users/{ACCOUNT}").stat()
    assert (stat.S_IMODE(home.st_mode), home.st_uid) == (0o700, UID)
    assert stat.S_IMODE((root / "usr/local/tools/tool").stat().st_mode) == 0o755, "no set-user-ID"
    assert os.readlink(root / "usr/local/tools/link") == str(bench.outside)
    assert stat.S_IMODE((bench.base / "build-2").stat().st_mode) == 0o700, "others of the Mac do not get in"


def test_the_resolver_is_linked_and_linked_anew(bench: Workbench) -> None:
    place = pathlib.Path(bench.host.socket)
    servers = []
    for count in (1, 2):
        servers.append(socket.socket(socket.AF_UNIX))
        servers[-1].bind(str(place))
        done = bench.run(ONE)
        inside = bench.root("build-1") / "private/var/run/mDNSResponder"
        assert os.path.samestat(inside.lstat(), place.lstat())
        assert actions(done)[-1] == ("build-1", "create" if count == 1 else "link")
        assert not bench.run(ONE).plan.changed
        place.unlink()
    for server in servers:
        server.close()


def test_a_new_build_of_macos_gives_a_new_template_and_new_jails(bench: Workbench) -> None:
    bench.run(ONE)
    old = template_of(bench)
    (bench.root("build-1") / "private/tmp/left").write_text("x")
    bench.mac.build = "25C1"
    done = bench.run(ONE)
    new = template_of(bench)
    assert actions(done) == [(new, "build"), ("build-1", "reset"), (old, "remove")]
    assert not (bench.root("build-1") / "private/tmp/left").exists() and not bench.run(ONE).plan.changed


def test_removed_one_by_one_and_all(bench: Workbench) -> None:
    bench.run(ONE, TWO)
    template = template_of(bench)
    assert actions(bench.run({**ONE, "state": "absent"})) == [("build-1", "remove")]
    assert names(bench.base) == [template, "build-2"]
    bench.mac.sip = "enabled"
    done = bench.run(purge=True, accepted=False)
    assert actions(done) == [("build-2", "remove"), (template, "remove"), (str(bench.base), "remove")] and not bench.base.exists()
    assert not bench.run(purge=True).plan.changed


def test_reset_between_two_jobs(bench: Workbench) -> None:
    bench.run(TWO)
    root, template = bench.root("build-2"), template_of(bench)
    (root / f"Users/{ACCOUNT}/work").mkdir()
    (root / f"Users/{ACCOUNT}/work/out").symlink_to(bench.outside)
    before = fingerprint(bench.outside)
    reset_jail(bench.mac, str(bench.base), template, Jail("build-2", user=User(ACCOUNT, UID, UID)), bench.host)
    assert names(root / f"Users/{ACCOUNT}") == [] and fingerprint(bench.outside) == before
    with pytest.raises(MacRunnersError, match="this template is not there"):
        reset_jail(bench.mac, str(bench.base), ".template-none", Jail("build-2"), bench.host)
    assert not bench.run(TWO).plan.changed


def test_a_program_that_does_not_start_makes_no_template(bench: Workbench) -> None:
    with pytest.raises(MacRunnersError, match="/usr/bin/true does not start in a jail of this Mac"):
        bench.run(ONE, contents=bench.contents[-1:])
    assert names(bench.base) == []


@pytest.mark.parametrize("sip, told", [("enabled", "enabled"), ("unknown (Custom Configuration)", "custom"), ("disabled (Custom Configuration)", "custom")])
def test_refused_with_sip(bench: Workbench, sip: str, told: str) -> None:
    bench.mac.sip = sip
    wanted = f'pool "build", field isolation: got "chroot"; allowed: another one: chroot needs System Integrity Protection off, this Mac has it {told}'
    assert refused(bench, ONE, TWO) == "nothing was changed: " + wanted


def test_refused_unless_the_experiment_is_accepted(bench: Workbench) -> None:
    said = refused(bench, ONE, accepted=False)
    assert said == (
        'nothing was changed: pool "build", field experimental: got false; allowed: true, with which this isolation is accepted as an experiment'
    )


def test_every_mistake_at_once(bench: Workbench) -> None:
    said = refused(bench, {"name": "../../etc"}, {"name": "lint-1"}, {"name": "build-4"}, {**ONE, "user": "no-such"}, ONE, {**TWO, "user": "root"})
    slots = "allowed: a slot of a pool with the isolation chroot: build-1, build-2, build-3"
    for part in (
        'field jails.name: got "../../etc"; allowed: the name of a slot, a lower-case letter and at most 40 more of a-z, 0-9 and -: a jail is always in',
        f'pool "lint", field jails.name: got "lint-1"; {slots}',
        f'field jails.name: got "build-4"; {slots}',
        'pool "build", field jails.build-1.user: got "no-such"; allowed: an account of this Mac',
        'pool "build", field jails: got "build-1" twice; allowed: one entry a jail',
        'pool "build", field jails.build-2.user: got "root"; allowed: an account other than root\'s',
    ):
        assert part in said, said
    assert "'build-1' twice" not in said and said.count("\n") == 0


def test_an_account_that_is_still_to_be_made_is_predicted(bench: Workbench) -> None:
    assert ("build-1", "create") in actions(bench.run({**ONE, "user": "mac-runners-build-1"}, check=True))


def test_bases_that_lead_elsewhere(bench: Workbench) -> None:
    link = bench.base.parent / "link"
    link.symlink_to(bench.outside)
    open_to_all = bench.base.parent / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    for base, allowed in (
        ("jails", "an absolute path below a top directory, without . and .."),
        (f"{bench.base}/../outside", "an absolute path below a top directory, without . and .."),
        (str(link), f"a path without a link in it, as {bench.outside}"),
        (str(link / "jails"), f"a path without a link in it, as {bench.outside}/jails"),
        (str(bench.outside / "kept" / "file"), "a directory"),
        (str(open_to_all / "jails"), f"a directory that root alone can write to, and {open_to_all} is not"),
    ):
        for jails in ((ONE,), ()):
            said = refused(bench, *jails, base=base, contents=None, purge=True)
            assert said == f'nothing was changed: field base: got "{base}"; allowed: {allowed}'


def test_taken_names(bench: Workbench) -> None:
    bench.run(ONE)
    (bench.base / "build-2").mkdir()
    (bench.base / "build-3").symlink_to(bench.outside)
    for state in ("present", "absent"):
        said = refused(bench, ONE, {**TWO, "state": state}, {"name": "build-3", "state": state})
        assert said.startswith(f'nothing was changed: pool "build", field jails.build-2: got "{bench.base}/build-2", which has no marker of ours; allowed: ')
        assert f'pool "build", field jails.build-3: got "{bench.base}/build-3", which is a link to {bench.outside}; allowed: a name that is free' in said
    bench.run(purge=True)
    assert names(bench.base) == ["build-2", "build-3"], "what is not ours stays, and the base with it"


@pytest.mark.parametrize(
    "content, said",
    [
        ({"path": "/"}, 'field contents.path: got "/"; allowed: an absolute path below /, without . and ..'),
        ({"path": "/usr/bin/true", "target": "/../x"}, 'field contents.target: got "/../x"; allowed: an absolute path below /'),
        ({"path": "/var/lib"}, 'field contents.path: got "/var/lib"; allowed: a path that has nothing to do with the base, '),
        ({"path": "/no/such"}, 'field contents.path: got "/no/such"; allowed: a path that is there on this Mac'),
        ({"path": "/tmp"}, 'field contents.path: got "/tmp"; allowed: a path that root alone can write to'),
        ({"path": "/usr/bin/env", "target": "/usr/bin/true"}, 'field contents.target: got "/usr/bin/true"; allowed: a path that is not in another one'),
        ({"path": "/usr/bin/env", "target": "/usr/local/tools/x"}, 'field contents.target: got "/usr/local/tools/x"; allowed: a path that is not in'),
    ],
)
def test_contents_that_are_refused(bench: Workbench, content: t.Dict[str, str], said: str) -> None:
    assert said in refused(bench, ONE, contents=[*bench.contents, content])


def test_links_among_the_contents_lead_nowhere(bench: Workbench) -> None:
    link = bench.base.parent / "tools" / "link"
    before = fingerprint(bench.outside)
    with pytest.raises(MacRunnersError, match=r"makes /private/tmp of a jail no directory \(it is a link"):
        bench.run(ONE, contents=[*bench.contents, {"path": str(link), "target": "/private/tmp"}])
    assert names(bench.base) == [] and fingerprint(bench.outside) == before


def test_a_star_takes_all_that_begins_so(bench: Workbench) -> None:
    tools = bench.base.parent / "tools"
    bench.run(ONE, contents=[*bench.contents[:-1], {"path": f"{tools}/t*", "target": "/cache"}])
    assert names(bench.root("build-1") / "cache") == ["tool"]
    assert usual_contents("arm64")[0] == Content("/System/Volumes/Preboot/Cryptexes/OS/System/Library/dyld/dyld_shared_cache_arm64e*", "/System/Library/dyld")


def test_nobody_who_works_in_a_jail_loses_it(bench: Workbench) -> None:
    bench.run(TWO)
    worker = subprocess.Popen(["setpriv", f"--reuid={UID}", "sleep", "60"])
    try:
        while os.stat(f"/proc/{worker.pid}").st_uid != UID:
            time.sleep(0.01)
        said = refused(bench, purge=True)
        assert f'field jails.build-2: got a jail in which {ACCOUNT} works, with the processes {worker.pid}' in said
        assert "allowed: one that nobody works in; drain its slot first" in said
    finally:
        worker.kill()
        worker.wait()
    assert bench.run(purge=True).plan.changed and not bench.base.exists()


def test_a_slot_that_may_begin_a_job_keeps_its_jail(bench: Workbench) -> None:
    bench.run(TWO)
    folder = bench.state / "slots" / "build-2"
    folder.mkdir(parents=True)
    (folder / "status.json").write_text('{"state": "waiting"}')
    allowed = "allowed: one whose slot is drained: run the playbook drain, this again, then undrain"
    assert f"field jails.build-2: got a jail that is made anew or removed, of the slot build-2; {allowed}" in refused(bench, purge=True)
    assert bench.run(check=True, purge=True).plan.changed, "in check mode a play is about to drain it"
    (folder / "drain").write_text("drain")
    assert "of the slot build-2" in refused(bench, purge=True), "it is not drained yet"
    (folder / "status.json").write_text('{"state": "drained"}')
    assert bench.run(purge=True).plan.changed and not bench.base.exists()


def test_nothing_is_built_without_a_lease(bench: Workbench) -> None:
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.converge import converge

    for terms in (Terms("others", POOLS), Terms("acme", POOLS[:1])):
        with pytest.raises(LeaseError):
            converge(bench.mac, bench.request(ONE), terms)
    assert not bench.base.exists()
