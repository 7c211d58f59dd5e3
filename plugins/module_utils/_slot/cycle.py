# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""A slot: one fresh environment after the other, one job in each. Killed anywhere, its next turn mends what was left."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.absence import Absence
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.backoff import pause_after
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import (
    READY,
    REMOVING,
    RUNNING,
    VANISHED,
    Environment,
    OutdatedError,
    Ports,
    Registration,
    SlotError,
    StuckError,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.progress import EXIT_CODES, Progress, complaint
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.record import Pending, Record
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.withdrawal import ASK_AGAIN, BUSY, Withdrawal

#: Seconds between two looks at the operator's marks and the deadlines.
POLL = 1.0
#: Seconds in which GitHub's list may not show a runner whose registration got no answer.
SETTLED = 60.0
#: A runner that GitHub drops sooner than this many seconds is a failure, so that slots do not register in circles.
SHORT_LIFE = 60.0
#: Pauses that are none of a failure.
AT_ONCE = 0.0
#: Why a runner is withdrawn without anything being wrong.
DRAIN, RENEWAL = "drain", "renewal"
_QUIET = (DRAIN, RENEWAL)
#: No runner is in these, and of one that was nothing can be learnt any more.
_EMPTY = (READY, REMOVING)


class Plan(t.NamedTuple):
    """What a slot is told. ``runner`` begins the names of its runners; times in seconds, ``job`` 0 lets jobs take what they take.

    ``registration``: until a started runner must listen; ``grace``: for a runner that GitHub forgot to end by itself; ``target``: the
    address at which they register; ``place``: where environments are made.
    """

    slot: str
    runner: str
    registration: float = 300.0
    job: float = 0.0
    grace: float = 60.0
    target: str = ""
    place: t.Mapping[str, str] = {}


class Slot:
    """Runs a slot turn by turn; whoever calls waits between two turns for as long as the turn says."""

    def __init__(self, plan: Plan, ports: Ports, record: Record, new_name: t.Callable[[str], str]) -> None:
        self._plan, self._ports, self._new_name = plan, ports, new_name
        self.record = record
        self._done_at = 0.0
        self._job_ticks = 0.0
        self._asked: t.Dict[str, float] = {}
        self._absence = Absence(ports.source, ports.world, plan.grace)
        # The environment is where other settings had it, and only there this life of the program looks.
        self._elsewhere = bool(record.place) and record.place != plan.place
        self._blind = False
        self._renewed: t.Optional[Environment] = None

    def turn(self) -> float:
        """Do what is next, up to a whole cycle; seconds to wait before the next turn. Raises StoppedError and OutdatedError."""
        try:
            return self._turn()
        except MacRunnersError as error:
            if self._runs_job():
                # It runs on, and only with these settings can it be found again.
                return self._failed(error, "job")
            # What is installed now may be the cure, also where nobody can look any more.
            if self._blind and self._outdated():
                self._leave()
            self._renew()
            return self._failed(error, "stuck" if isinstance(error, StuckError) else "waiting")

    def _runs_job(self) -> bool:
        """Whether a job runs as far as is known: also GitHub, where nobody can look at it, may say that it is over."""
        return self.record.state == "job" and not self._absence.lasts(self.record.registration(self.record.runner))

    def _turn(self) -> float:
        self._mend()
        if self.record.state == "drained" and self._ports.world.draining():
            self._renew()
            self._settle()
            return POLL
        self._ports.world.go_on()
        draining = self._ports.world.draining()
        renewed, self._renewed = self._renewed, None
        kept = None if draining or self._outdated() else renewed
        found = self._observe()
        for environment in found:
            if environment.state in _EMPTY and environment != kept:
                self._ports.isolation.destroy(environment)
        for environment in found:
            if environment.state not in _EMPTY:
                return self._attend(environment)
        if kept not in found:
            self._leave()
        self._renew()
        self._take_back()
        if draining:
            self._set("drained", message="", failures=0, retry_at=0.0)
            return POLL
        return self._serve(kept if kept in found else None)

    def _observe(self) -> t.List[Environment]:
        self._blind = True
        found = self._ports.isolation.observe()
        self._blind = False
        return found

    def _leave(self) -> None:
        """No environment is there any more, and so no job: the next one is made where the settings say."""
        record = self.record
        if not record.environment and not record.runner and not record.place:
            return
        lost = f"the environment of the job {record.job} is gone" if record.state == "job" else record.message
        self._set("cleaning", environment="", runner="", job="", job_since=0.0, place={}, message=lost)

    def _serve(self, renewed: t.Optional[Environment]) -> float:
        """From admission to the end of a job; ``renewed`` is there already, and no job ran in it."""
        self._set("checking")
        self._ports.admission.check()
        environment = renewed or self._prepare()
        if self._ports.world.draining() or self._outdated():
            # That came while it was made; no runner needs to be registered for it.
            return AT_ONCE
        try:
            registration = self._register(environment.runner)
        except MacRunnersError:
            # What has booted is worth keeping until GitHub answers.
            self._keep_unused(environment)
            raise
        self._set("starting", environment=environment.id, started=self._ports.world.now())
        self._ports.isolation.start(environment, registration.lines)
        return self._attend(environment._replace(state=RUNNING))

    def _prepare(self) -> Environment:
        name = self._new_name(self._plan.runner)
        cycle = self.record.cycle + 1
        self._set("preparing", cycle=cycle, runner=name, environment="", job="", job_since=0.0, place=self._plan.place)
        return self._ports.isolation.prepare(cycle, name)

    def _keep_unused(self, environment: Environment) -> bool:
        """For another runner, whose name GitHub never heard; whether it can be."""
        self._renewed = self._ports.isolation.renew(environment, self._new_name(self._plan.runner))
        if self._renewed is None:
            return False
        self._save(self.record._replace(runner=self._renewed.runner))
        return True

    def _outdated(self) -> bool:
        """Whether another version of the program, or other settings, shall take over."""
        return self._ports.world.outdated() or self._elsewhere

    def _renew(self) -> None:
        """Begin anew, as another version or with other settings; what is on the disk is enough to go on from."""
        if self._outdated():
            raise OutdatedError()

    def _register(self, name: str) -> Registration:
        """The name is on the disk before GitHub hears it: whatever happens, it is looked for there."""
        self._set("registering", pending=(*self.record.pending, Pending(name, 0, self._ports.world.now(), self._plan.target)))
        registration = self._ports.source.register(name)
        known = tuple(one._replace(runner=registration.runner) if one.name == name else one for one in self.record.pending)
        self._save(self.record._replace(pending=known))
        return registration

    def _attend(self, environment: Environment) -> float:
        """Follow a runner to its end, then destroy its environment."""
        progress = Progress(self._job_of(environment))
        watch = self._ports.isolation.watch(environment)
        withdrawal = Withdrawal(self._ports.source, self._ports.isolation, self._ports.world, self._plan.grace)
        reason, exit_code, self._done_at, self._job_ticks = "", None, 0.0, 0.0
        try:
            while exit_code is None:
                seen = watch.read(POLL)
                self._ports.world.go_on()
                progress.take(seen.lines)
                exit_code = seen.exit_code
                self._mend()
                self._tell_job(environment, progress)
                if progress.job or not withdrawal.done:
                    reason = self._reason(progress)
                if exit_code is None and reason and self._ends(reason, environment, progress, withdrawal):
                    break
                if not reason:
                    self._tell_idle(environment, progress)
        finally:
            watch.close()
        if self._is_dropped(progress, exit_code, seen.fault or reason) and self._again(environment):
            return AT_ONCE
        return self._finish(environment, progress, exit_code, reason, seen.fault)

    def _job_of(self, environment: Environment) -> str:
        """The job that was seen in it: an environment that ended meanwhile cannot tell of it any more."""
        return self.record.job if self.record.runner == environment.runner else ""

    def _is_dropped(self, progress: Progress, exit_code: t.Optional[int], reason: str) -> bool:
        """Whether an idle runner ended because GitHub knows it no more, as it does with one that was idle for long."""
        long = self._ports.world.now() - self.record.started >= SHORT_LIFE
        idle = exit_code == 0 and progress.listening and not progress.job and not reason
        return idle and long

    def _again(self, environment: Environment) -> bool:
        """Keep the environment for another runner; whether it can be. Never one in which a job ran or may have run."""
        if self._ports.source.remove(self.record.registration(environment.runner)) == BUSY or not self._keep_unused(environment):
            return False
        self._ports.world.note("again", cycle=environment.cycle, runner=self.record.runner, dropped=environment.runner)
        self._save(self.record._replace(failures=0))
        self._forget(environment.runner)
        return True

    def _mend(self) -> None:
        """People look at the record also while nothing happens."""
        if not self._ports.world.intact():
            self._save(self.record)

    def _tell_job(self, environment: Environment, progress: Progress) -> None:
        if progress.job:
            self._job_ticks = self._job_ticks or self._ports.world.ticks()
            since = self.record.job_since if self.record.job == progress.job else self._ports.world.now()
            self._set("job", job=progress.job, job_since=since, runner=environment.runner, message="", failures=self._failures())

    def _tell_idle(self, environment: Environment, progress: Progress) -> None:
        """It waits for a job, and nothing is against that, or is any more."""
        if progress.job:
            return
        if progress.listening:
            self._set("listening", runner=environment.runner, message="", retry_at=0.0, failures=self._failures())
        elif self.record.state == "withdrawing":
            self._set("starting")

    def _failures(self) -> int:
        """In a row: a runner that has only just started proves nothing yet."""
        since = max(self.record.started, self.record.retry_at)
        return 0 if self._ports.world.now() - since >= SHORT_LIFE else self.record.failures

    def _reason(self, progress: Progress) -> str:
        """Why this runner should not go on, empty when it should."""
        ticks, record = self._ports.world.ticks(), self.record
        if progress.busy:
            # By what was watched here as well: a clock that is set forward ends no job.
            since = max(self._ports.world.now() - record.job_since, 0.0)
            overdue = self._plan.job and min(since, ticks - self._job_ticks) > self._plan.job
            if overdue:
                return f"its job {progress.job} took longer than the {self._plan.job:.0f} s of its pool"
            gone = self._absence.lasts(record.registration(record.runner))
            return f"GitHub does not know the runner of its job {progress.job} any more: the job is over" if gone else ""
        if progress.result:
            self._done_at = self._done_at or ticks
            hangs = ticks - self._done_at > self._plan.grace
            return f"the runner did not end within {self._plan.grace:.0f} s after its job {progress.job}" if hangs else ""
        if self._ports.world.draining():
            return DRAIN
        if self._outdated():
            return RENEWAL
        if not progress.listening and self._ports.world.now() - record.started > self._plan.registration:
            return f"the runner did not listen for jobs within {self._plan.registration:.0f} s; it said last: {progress.last[:200] or 'nothing'}"
        return ""

    def _ends(self, reason: str, environment: Environment, progress: Progress, withdrawal: Withdrawal) -> bool:
        """Whether the environment may be destroyed while its runner runs."""
        if progress.job:
            # The pool's own limit and GitHub alone end a job; the runner of an ended one gets its grace.
            return True
        quiet = reason in _QUIET
        self._set("withdrawing" if quiet else "stuck", message="" if quiet else reason)
        return withdrawal.may_end(environment, self.record.registration(environment.runner), progress)

    def _finish(self, environment: Environment, progress: Progress, exit_code: t.Optional[int], reason: str, told: str) -> float:
        """Keep its logs, destroy the environment, take the registration back, say how it went."""
        ran = bool(progress.job)
        fault = told or self._fault(progress, exit_code, reason)
        first = ran and self.record.counted < environment.cycle
        self._set("destroying", counted=max(self.record.counted, environment.cycle if ran else 0), jobs=self.record.jobs + first)
        self._note_end(environment, progress, exit_code, fault)
        if ran or fault:
            self._keep(environment)
        self._ports.isolation.destroy(environment)
        if progress.result and exit_code == 0:
            # It reported its job's end, and GitHub itself has then removed the registration.
            self._forget(environment.runner)
        if fault and not ran:
            raise StuckError(fault) if fault == reason else SlotError(fault)
        self._save(self.record._replace(failures=0, message=fault, environment="", runner="", place={}))
        return AT_ONCE

    def _fault(self, progress: Progress, exit_code: t.Optional[int], reason: str) -> str:
        """What went wrong, for people; empty when nothing did."""
        if exit_code is None:
            return "" if reason in _QUIET else reason
        if progress.result and exit_code == 0:
            return ""
        if progress.job:
            how = EXIT_CODES[VANISHED] if exit_code == VANISHED else f"the runner ended with {exit_code}"
            return f"{how} {'after' if progress.result else 'during'} the job {progress.job}"
        if reason:
            return "" if reason in _QUIET else reason
        short = self._ports.world.now() - self.record.started < SHORT_LIFE
        dropped = f"the runner ended without a job; it said last: {progress.last[:200]}" if short else ""
        return complaint(progress, exit_code) or dropped

    def _note_end(self, environment: Environment, progress: Progress, exit_code: t.Optional[int], fault: str) -> None:
        self._ports.world.note(
            "ended", cycle=environment.cycle, runner=environment.runner, exit_code=exit_code, job=progress.job, result=progress.result, message=fault
        )

    def _keep(self, environment: Environment) -> None:
        try:
            self._ports.world.keep(f"{environment.cycle:06d}", self._ports.isolation.diagnostics(environment))
        except (MacRunnersError, OSError) as error:
            # A full disk must not keep the environment of an ended job.
            self._ports.world.note("logs-lost", cycle=environment.cycle, message=str(error))

    def _take_back(self) -> None:
        """Remove from GitHub what no environment of this slot uses any more; what is busy there is tried again next time."""
        now, ticks = self._ports.world.now(), self._ports.world.ticks()
        for entry in self.record.pending:
            if ticks - self._asked.get(entry.name, -ASK_AGAIN) < ASK_AGAIN:
                continue
            answer = self._ports.source.remove(entry)
            self._asked[entry.name] = ticks
            unsettled = answer == "gone" and not entry.runner and now - entry.since < SETTLED
            self._ports.world.note("take-back", runner=entry.name, answer=answer)
            if answer != BUSY and not unsettled:
                self._forget(entry.name)

    def _settle(self) -> None:
        """A drained slot still takes back what GitHub held busy when it was drained; it is idle whatever GitHub answers."""
        try:
            self._take_back()
        except MacRunnersError as error:
            self._asked.update({entry.name: self._ports.world.ticks() for entry in self.record.pending})
            self._ports.world.note("take-back-failed", message=str(error))

    def _forget(self, name: str) -> None:
        """GitHub knows this name no more."""
        self._asked.pop(name, None)
        self._save(self.record._replace(pending=tuple(one for one in self.record.pending if one.name != name)))

    def _failed(self, error: MacRunnersError, state: str) -> float:
        """Wait longer each time, and as long as GitHub asks for; not all slots at the same moment."""
        failures, message, jitter = self.record.failures + 1, str(error), self._ports.world.random()
        asked = error.wait * (1.0 + jitter / 10) if isinstance(error, SlotError) else 0.0
        pause = max(pause_after(failures, jitter), asked)
        self._set(state, failures=failures, message=message[:2000], retry_at=self._ports.world.now() + pause)
        self._ports.world.note("failed", failures=failures, pause=round(pause, 1), message=message)
        return pause

    def _set(self, state: str, **fields: t.Any) -> None:
        """Go into a state; nothing is written when nothing changes."""
        changed = self.record._replace(state=state, **fields)
        if changed == self.record:
            return
        if state != self.record.state:
            changed = changed._replace(since=self._ports.world.now())
            self._ports.world.note("state", state=state, cycle=changed.cycle, runner=changed.runner)
        self._save(changed)

    def _save(self, record: Record) -> None:
        self._ports.world.save(record)
        self.record = record
