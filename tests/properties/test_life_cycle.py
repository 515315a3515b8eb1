"""The whole life of grants, in any order that hypothesis can think of, against a small model of it.

Never a disclosure without a live grant for that organisation, purpose and attribute; the log, the pages and the
receipts say the same as the model; nothing that is stored, or sent outside a disclosure, holds a value.

CONSENT_LIVES sets how many lives are lived (20), CONSENT_STEPS how long each is (30).
"""

import os
import sys
from functools import lru_cache
from typing import Any

import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from consent.acts.expire import expire
from consent.acts.operate import Operator
from consent.acts.suspend import Subject, restore, suspend
from consent.acts.tidy import tidy
from consent.words.instants import SECOND
from tests.postgres import Cluster

from .asking import (
    FREQUENCY,
    PURPOSES,
    REQUIRED,
    TEMPLATES,
    AskingRules,
    keys,
    mostly,
    one_of,
    owner_or,
    picks,
    some_of,
    subsets,
)
from .eyes import ORGANISATION
from .hands import Step
from .house import NAMES, PEOPLE, Home, register
from .model import Model
from .things import Grant


@lru_cache(maxsize=2)
def first_home(cluster: Cluster | None) -> Home:
    return Home(cluster)


class Life(AskingRules):
    cluster: Cluster | None = None

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        super().__init__()
        self._capture = structlog.testing.capture_logs()
        self.log_lines: Any = self._capture.__enter__()
        self.home = first_home(self.cluster).copy()
        self.world = self.home.open()
        self.newest = self.world.at
        self.people = {name: self.world.citizen(name) for name in PEOPLE}
        values = {}
        for citizen in self.people.values():
            for name in NAMES:
                value = self.home.canary(name)
                self.home.run(register(self.world, citizen, name, value))
                ((_, _, version, *_),) = [
                    row for row in self._read("value.newest", citizen) if row[1] == name
                ]
                values[citizen, name] = (version, value)
        ((_, _, size, at, *_),) = self._read("head.get", self.world.house.log)
        self.first = self.checked = size
        self.model = Model(
            clock=self.world.at, head_at=at, size=size, organisation_of=ORGANISATION, frequency=FREQUENCY,
            required=REQUIRED, templates=TEMPLATES, values=values,
        )  # fmt: skip

    # Fetching and using

    @precondition(lambda self: self._tokens())
    @rule(fetches=st.lists(st.tuples(picks, subsets, keys), min_size=1, max_size=4))
    def organisation_fetches(self, fetches: list[tuple[int, int, str | None]]) -> None:
        self.perform(*[self._fetch(*one) for one in fetches])

    @precondition(lambda self: self._tokens())
    @rule(pick=picks, client=owner_or([*ORGANISATION, ""]), which=subsets)
    def anybody_fetches_anything(self, pick: int, client: str, which: int) -> None:
        token = one_of(self._tokens(), pick)
        asked = some_of(PURPOSES[token.grant.purpose], which) or frozenset({"bsn"})
        self.perform(self.disclose(token, client or token.grant.client, asked, None))

    def _fetch(self, pick: int, which: int, key: str | None) -> Step:
        token = self._token(pick)
        granted = token.grant.attributes
        return self.disclose(token, token.grant.client, some_of(granted, which) or frozenset(granted), key)

    @precondition(lambda self: self.model.memos)
    @rule(pick=picks, again=picks)
    def organisation_tries_again(self, pick: int, again: int) -> None:
        """The same key and the same names, perhaps with the token of another grant."""
        client, key = one_of(sorted(self.model.memos), pick)
        asked, before = self.model.memos[client, key]
        tokens = [token for token in self._tokens() if token.grant.client == client]
        own = [token for token in tokens if token.grant is before.grant]
        if tokens:
            self.perform(
                self.disclose(one_of(own if again % 3 and own else tokens, again), client, asked, key)
            )

    @precondition(lambda self: self.proofs)
    @rule(pick=picks)
    def somebody_replays_a_proof(self, pick: int) -> None:
        proof, token, asked = one_of(self.proofs, pick)
        again = self.disclose(token, proof.client, asked, None, proof)
        age = self.world.at - proof.at
        if not -30 * SECOND <= age < 60 * SECOND:  # refused at the door for its age, used or not
            again = again._replace(model=lambda: "InvalidDpopProof")
        self.perform(again)

    @precondition(lambda self: self._tokens())
    @rule(
        pick=picks, other=picks, client=owner_or([*ORGANISATION, "", "", ""]), own=mostly, two=st.booleans(),
        template=st.sampled_from(["letter", "letter", "letter", "offer", "tip", "nonsense"]),
    )  # fmt: skip
    def organisation_uses(
        self, pick: int, other: int, client: str, own: bool, two: bool, template: str
    ) -> None:
        token = self._token(pick)
        known = [one for one in self.model.deliveries if one.id]
        pool = [one for one in known if one.grant is token.grant or not own]
        if not pool:
            self.perform(self._fetch(pick, other % 16, None))
            return
        given = dict.fromkeys([one_of(pool, other), *([one_of(pool, other + 1)] if two else [])])
        use = self.use(token, client or token.grant.client, tuple(given), template)
        self.perform(use, *([self._fetch(pick, other % 16, None)] if two else []))

    @precondition(lambda self: self._tokens())
    @rule(pick=picks, which=subsets, order=st.permutations(range(8)), count=st.integers(2, 8), key=keys)
    def many_at_once(self, pick: int, which: int, order: list[int], count: int, key: str | None) -> None:
        """Fetches, the same fetch twice, a change, two kinds of stop, a code again: one batch, in this order."""
        token = self._token(pick)
        grant, client = token.grant, token.grant.client
        change = self.answer_to_a_change(grant, which, 15 - which, days=2, same=pick % 4 == 0, decision="yes")
        steps = [
            lambda: self._fetch(pick, which, key),
            lambda: self._fetch(pick, which, key),
            lambda: self.stop(grant, grant.citizen),
            lambda: self._fetch(pick + 1, 15, None),
            lambda: self.exchange(token.code, client, knows_verifier=True),
            lambda: self.disclose(token, client, frozenset(grant.attributes), None),
            lambda: self.let_go(grant, client),
            lambda: change or self._fetch(pick, which, None),
        ]
        self.perform(*[steps[i]() for i in order[:count]])

    # Ending, changing, time, trouble

    @precondition(lambda self: self.model.grants)
    @rule(pick=picks, who=owner_or([*PEOPLE, "", ""]))
    def citizen_stops(self, pick: int, who: str) -> None:
        grant = one_of(self.model.grants, pick)
        self.perform(self.stop(grant, self.people[who] if who else grant.citizen))

    @precondition(lambda self: self.model.grants)
    @rule(pick=picks, client=owner_or([*ORGANISATION, "", ""]))
    def organisation_lets_go(self, pick: int, client: str) -> None:
        grant = one_of(self.model.grants, pick)
        self.perform(self.let_go(grant, client or grant.client))

    @rule(who=st.sampled_from(PEOPLE), name=st.sampled_from(NAMES), gone=st.booleans())
    def a_value_changes(self, who: str, name: str, gone: bool) -> None:
        self.change(self.people[who], name, gone=gone)

    @rule(organisation=st.sampled_from(sorted(ORGANISATION.values())), approve=mostly)
    def operator_approves_or_suspends(self, organisation: str, approve: bool) -> None:
        is_taken_away = organisation not in self.model.suspended and not approve
        change = suspend if is_taken_away else restore
        deed = change(Subject("organisation", organisation), by=Operator("anna"))
        self.home.run(self.world.house.scribe.do(deed))
        self.model.stands(organisation, suspended=is_taken_away)

    @rule(by=st.sampled_from([1, 20, 59, 60, 299, 600, 3600, 86_400, -1, -59, -61, -300]))
    def the_clock_moves(self, by: int) -> None:
        """Forward by any step; back, in all, not by more than proofs are remembered beyond their life."""
        self._set_clock(max(self.world.at + by * SECOND, self.newest - 300 * SECOND))

    @precondition(lambda self: self.model.grants)
    @rule(pick=picks, by=st.sampled_from([-1, 0, 0, 1]), which=subsets)
    def a_grant_comes_to_its_end(self, pick: int, by: int, which: int) -> None:
        """A fetch in the last microsecond, at the very instant, and just after."""
        grant: Grant = one_of(self.model.grants, pick)
        tokens = [t for t in self._tokens("refresh") if t.grant is grant]
        if grant.expires_at + by <= self.world.at or not tokens:
            return
        self._set_clock(max(self.world.at, grant.expires_at - 300 * SECOND))
        self.perform(self.refresh(tokens[-1], grant.client))
        self._set_clock(grant.expires_at + by)
        token = self._tokens()[-1] if self._tokens() else tokens[-1]
        self.perform(self.disclose(token, grant.client, frozenset(grant.attributes), None))

    @rule()
    def the_sweeper_comes(self) -> None:
        self.home.run(self.world.house.scribe.do(expire(self.world.at)))
        self.home.run(self.world.house.scribe.do(tidy()))
        self.model.tidy()

    @precondition(lambda self: self._tokens())
    @rule(pick=picks, which=subsets, key=keys, before=st.one_of(st.none(), st.integers(0, 16)))
    def power_fails_during_a_fetch(self, pick: int, which: int, key: str | None, before: int | None) -> None:
        """Before one of the statements, or after the commit and before the answer."""
        fetch = self._fetch(pick, which, key)
        self.home.store.cut_before, self.home.store.cut_after_commit = before, before is None
        self.perform(fetch)
        self.home.store.cut_before, self.home.store.cut_after_commit = None, False

    # What must hold after every step, and after a whole life

    @invariant()
    def log_and_pages_say_what_the_model_says(self) -> None:
        self.every_new_entry_is_one_that_the_model_expects()
        self.her_home_page_says_what_is_live()

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # else the first thing that went wrong is the one to read about
                self.the_whole_life_is_right()
        finally:
            self.home.close(self.world)
            self._capture.__exit__(None, None, None)
            self.home.remove()

    # Shortcuts

    def _set_clock(self, at: int) -> None:
        self.world.at = self.home.at = self.model.clock = at
        self.newest = max(self.newest, at)
        self.world.pass_time(0)


def test_any_life_of_grants_is_told_alike_by_doors_log_and_pages() -> None:
    live(Life, int(os.environ.get("CONSENT_LIVES", "20")))


def test_and_on_postgresql(postgres: Cluster) -> None:
    class Elsewhere(Life):
        cluster = postgres

    live(Elsewhere, int(os.environ.get("CONSENT_LIVES", "20")) // 2)


def live(machine: type[Life], lives: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=int(os.environ.get("CONSENT_STEPS", "30")),
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
