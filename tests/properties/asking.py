"""The first half of the state machine's rules: from a question to tokens. And how a rule picks what it acts on."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from consent.acts.hold import keep, remove
from consent.words.purposes import Language

from .citizen import CitizenHands
from .eyes import ORGANISATION, Eyes
from .hands import Step
from .house import FROM_HERSELF, PEOPLE, register
from .organisation import OrganisationHands
from .things import Grant, Request, Token

PURPOSES = {
    "energietoeslag": ("income_below_threshold", "household_size", "number_of_children", "energy_supplier"),
    "besparen": ("energy_contract_number", "household_size", "email"),
}
REQUIRED = {
    "energietoeslag": frozenset({"income_below_threshold", "household_size"}),
    "besparen": frozenset({"energy_contract_number"}),
}
TEMPLATES = {"energietoeslag": frozenset({"letter", "offer"}), "besparen": frozenset({"tip"})}
FREQUENCY = {"energietoeslag": 4, "besparen": 1}

purposes = st.sampled_from(["energietoeslag", "energietoeslag", "besparen"])
owner_or = st.sampled_from  # "" stands for whoever it belongs to
languages: st.SearchStrategy[Language] = st.sampled_from(["nl", "en"])
picks = st.integers(0, 1000)
mostly = st.sampled_from([True, True, True, False])
seldom = st.sampled_from([False, False, False, True])
subsets = st.integers(0, 15)  # which of up to four names
keys = st.sampled_from([None, "one", "two"])


class AskingRules(OrganisationHands, CitizenHands, Eyes, RuleBasedStateMachine):
    """Asking, looking, answering, exchanging, refreshing; right and wrong, once and twice at once."""

    @initialize(which=subsets, other=subsets)
    def two_people_have_said_yes(self, which: int, other: int) -> None:
        """A life begins where something can happen: one client, one purpose, two citizens."""
        self.all_the_way_to_tokens("energietoeslag", "sanne", which)
        self.all_the_way_to_tokens("energietoeslag", "riet", other)

    @rule(purpose=purposes, who=st.sampled_from(PEOPLE), which=subsets, other_tab=seldom)
    def one_more_yes(self, purpose: str, who: str, which: int, other_tab: bool) -> None:
        self.all_the_way_to_tokens(purpose, who, which, other_tab=other_tab)

    def all_the_way_to_tokens(self, purpose: str, who: str, which: int, *, other_tab: bool = False) -> None:
        before, grants = len(self.model.requests), len(self.model.grants)
        self.ask(purpose, PURPOSES[purpose], 90)
        if len(self.model.requests) == before:
            return
        request, citizen = self.model.requests[-1], self.people[who]
        self.perform(self.look(request, citizen, "nl"))
        if other_tab:
            self.change(citizen, one_of(request.attributes, which), gone=which % 2 == 0)
        held = {name for name in request.attributes if self.model.held(citizen, name) is not None}
        chosen = (some_of(PURPOSES[purpose], which) & held) | REQUIRED[purpose]
        self.perform(self.answer(request, citizen, "nl", "yes", chosen))
        if len(self.model.grants) > grants:
            code = self.model.codes[-1]
            self.perform(self.exchange(code, code.grant.client, knows_verifier=True))

    @rule(purpose=purposes, optional=subsets, days=st.sampled_from([1, 2, 90]))
    def organisation_asks(self, purpose: str, optional: int, days: int) -> None:
        names = some_of(PURPOSES[purpose], optional) | REQUIRED[purpose]
        self.ask(purpose, tuple(sorted(names)), days)

    @precondition(lambda self: self.model.requests)
    @rule(
        pick=picks, who=owner_or([*PEOPLE, ""]), language=languages, which=subsets, all_needed=mostly,
        looks=mostly, other_tab=seldom,
        decisions=st.lists(st.sampled_from(["yes", "yes", "yes", "no", ""]), max_size=3),
    )  # fmt: skip
    def citizen_answers(
        self, pick: int, who: str, language: Language, which: int, all_needed: bool, looks: bool,
        other_tab: bool, decisions: list[str],
    ) -> None:  # fmt: skip
        """She looks, or not, and answers never, once, or several times at once."""
        request = self._request(pick)
        citizen = self.people[who] if who else request.citizen or self.people["sanne"]
        if looks:
            self.perform(self.look(request, citizen, language))
        if other_tab:
            self.change(citizen, one_of(request.attributes, pick), gone=which % 2 == 0)
        chosen = some_of(PURPOSES[request.purpose], which)
        if all_needed:
            chosen = (chosen & frozenset(request.attributes)) | REQUIRED[request.purpose]
        self.perform(*[self.answer(request, citizen, language, decision, chosen) for decision in decisions])

    @precondition(lambda self: self.model.grants)
    @rule(
        pick=picks, which=subsets, days=st.sampled_from([1, 2, 90]), same=st.booleans(),
        how=st.sampled_from(["replace", "replace", "merge", "update"]),
    )  # fmt: skip
    def organisation_asks_for_a_change(self, pick: int, which: int, days: int, same: bool, how: str) -> None:
        """Of a grant that runs, mostly; the same attributes once more are a renewal."""
        self.ask_to_change(self._grant(pick), which, days=days, same=same, how=how)

    @rule(
        pick=picks, which=subsets, wanted=subsets, days=st.sampled_from([1, 2, 90]), same=st.booleans(),
        decision=st.sampled_from(["yes", "yes", "no"]), other_tab=seldom,
    )  # fmt: skip
    def a_change_goes_all_the_way(
        self, pick: int, which: int, wanted: int, days: int, same: bool, decision: str, other_tab: bool
    ) -> None:
        if not self.model.grants:
            return
        grant = self._grant(pick)
        step = self.answer_to_a_change(grant, which, wanted, days=days, same=same, decision=decision)
        if step is None:
            return
        if other_tab:
            self.change(grant.citizen, one_of(grant.attributes, which), gone=which % 2 == 0)
        codes = len(self.model.codes)
        self.perform(step)
        if len(self.model.codes) > codes:
            code = self.model.codes[-1]
            self.perform(self.exchange(code, grant.client, knows_verifier=True))

    def ask_to_change(self, grant: Grant, which: int, *, days: int, same: bool, how: str) -> Request | None:
        if grant.id is None:
            return None
        names = some_of(PURPOSES[grant.purpose], which) | REQUIRED[grant.purpose]
        wanted = grant.attributes if same else tuple(sorted(names))
        return self.ask(grant.purpose, wanted, days, amends=grant, how=how)

    def answer_to_a_change(
        self, grant: Grant, which: int, wanted: int, *, days: int, same: bool, decision: str
    ) -> Step | None:
        """Pushed and looked at; what is left is her answer, which may go with other things at once."""
        request = self.ask_to_change(grant, which, days=days, same=same, how="replace")
        if request is None:
            return None
        self.perform(self.look(request, grant.citizen, "nl"))
        held = {name for name in request.attributes if self.model.held(grant.citizen, name) is not None}
        chosen = (some_of(PURPOSES[grant.purpose], wanted) & held) | REQUIRED[grant.purpose]
        return self.answer(request, grant.citizen, "nl", decision, chosen)

    def _grant(self, pick: int) -> Grant:
        """One that is live, mostly."""
        live = [grant for grant in self.model.grants if self.model.is_live(grant)]
        return one_of(live if live and pick % 5 else self.model.grants, pick)  # type: ignore[no-any-return]

    @precondition(lambda self: not all(code.used for code in self._codes()))
    @rule(pick=picks, client=owner_or([*ORGANISATION, "", ""]), knows_verifier=mostly, twice=st.booleans())
    def organisation_exchanges(self, pick: int, client: str, knows_verifier: bool, twice: bool) -> None:
        code = one_of([code for code in self._codes() if not code.used], pick)
        asker = client or code.grant.client
        exchange = [self.exchange(code, asker, knows_verifier=knows_verifier) for _ in range(1 + twice)]
        self.perform(*exchange)

    @precondition(lambda self: self._tokens("refresh"))
    @rule(pick=picks, client=owner_or([*ORGANISATION, ""]))
    def organisation_refreshes(self, pick: int, client: str) -> None:
        token = one_of(self._tokens("refresh"), pick)
        self.perform(self.refresh(token, client or token.grant.client))

    # Shortcuts

    def change(self, citizen: str, name: str, *, gone: bool) -> None:
        """She changes or removes what is her own; a register does the rest."""
        gone = gone and self.model.held(citizen, name) is not None
        value = None if gone else self.home.canary(name)
        if name not in FROM_HERSELF:
            self.home.run(register(self.world, citizen, name, value))
        elif value is None:
            self.home.run(remove(self.world.house, citizen=citizen, name=name))
        else:
            self.home.run(keep(self.world.house, citizen=citizen, name=name, text=str(value)))
        self.model.change(citizen, name, value)

    def _request(self, pick: int) -> Request:
        waiting = [r for r in self.model.requests if not r.answered or pick % 5 == 4]
        return one_of(waiting or self.model.requests, pick)  # type: ignore[no-any-return]

    def _codes(self) -> list[Any]:
        return [code for code in self.model.codes if code.handle]

    def _tokens(self, kind: str = "access") -> list[Token]:
        return [token for token in self.model.tokens if token.kind == kind and token.handle]

    def _token(self, pick: int) -> Token:
        """Mostly one that works, got with the refresh token when the old ones are over."""
        if pick % 5 == 4:
            return one_of(self._tokens(), pick)  # type: ignore[no-any-return]
        if len(self._live()) < 2:
            self.all_the_way_to_tokens("energietoeslag", PEOPLE[pick % 2], pick % 16)
        if not self._live():
            return one_of(self._tokens(), pick)  # type: ignore[no-any-return]
        source = one_of(self._live(), pick)
        working = [t for t in self._tokens() if t.grant is source.grant and self.model.works(t)]
        if not working:
            self.perform(self.refresh(source, source.grant.client))
        return one_of(working or self._tokens(), 0)  # type: ignore[no-any-return]

    def _live(self) -> list[Token]:
        return [t for t in self._tokens("refresh") if self.model.works(t) and not self.model.closed(t.grant)]


def one_of(pool: Any, pick: int) -> Any:
    """One of *pool*; small numbers are the newest, which shrinks to short stories."""
    return pool[-1 - pick % len(pool)]


def some_of(names: tuple[str, ...], which: int) -> frozenset[str]:
    return frozenset(name for i, name in enumerate(names) if which >> i & 1)
