"""The service as small as it can be said: what each operation must answer, and which entries it must leave in the log.

No keys, no bytes, no database. The state machine asks the model and the house the same thing and compares.
"""

from dataclasses import dataclass, field

from .things import Code, Delivery, Grant, Line, Request, Token, Use

DAY = 86_400_000_000
SECOND = 1_000_000
HOUR = 3600 * SECOND
REQUEST_LIFE, ANSWER_LIFE, CODE_LIFE, ACCESS_LIFE = 300 * SECOND, DAY, 60 * SECOND, 600 * SECOND


@dataclass
class Model:
    """Everything that the house has to remember, and the rules."""

    clock: int
    head_at: int
    size: int
    organisation_of: dict[str, str]
    frequency: dict[str, int]
    required: dict[str, frozenset[str]]
    templates: dict[str, frozenset[str]]
    values: dict[tuple[str, str], tuple[int, object]]  # version and value; None: she has none (any more)
    lines: list[Line] = field(default_factory=list)
    suspended: set[str] = field(default_factory=set)
    spent: set[str] = field(default_factory=set)  # proofs: each works once, for ever
    requests: list[Request] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    codes: list[Code] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    memos: dict[tuple[str, str], tuple[frozenset[str], Delivery]] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    uses: dict[tuple[int, str, int], Use] = field(default_factory=dict)
    refusals: dict[tuple[int, str, int], int] = field(default_factory=dict)

    @property
    def at(self) -> int:
        """Time never goes back behind the newest entry."""
        return max(self.clock, self.head_at)

    def is_live(self, grant: Grant, at: int | None = None) -> bool:
        return grant.state == "live" and (self.at if at is None else at) < grant.expires_at

    def closed(self, grant: Grant) -> str | None:
        if not self.is_live(grant):
            return "not_active"
        return "organisation_suspended" if self.is_suspended(grant.client) else None

    def stands(self, organisation: str, *, suspended: bool) -> None:
        """The operator takes an approval away or gives it back; only a change is a line, and it is about nobody."""
        if suspended != (organisation in self.suspended):
            (self.suspended.add if suspended else self.suspended.discard)(organisation)
            self.lines.append(Line("control", "", None, None, None, (), None, self.at))
            self.size, self.head_at = self.size + 1, self.at

    def is_suspended(self, client: str) -> bool:
        return self.organisation_of[client] in self.suspended

    def held(self, citizen: str, name: str) -> object:
        return self.values.get((citizen, name), (0, None))[1]

    def change(self, citizen: str, name: str, value: object) -> None:
        version, _ = self.values.get((citizen, name), (0, None))
        self.values[citizen, name] = (version + 1, value)

    # What people and organisations do. Each returns its outcome: a word, or what came of it.

    def look(self, request: Request, citizen: str) -> str:
        no = self._not_hers(request, citizen)
        if no is not None:
            return no
        if request.citizen is None:
            request.citizen = citizen
            request.expires_at = min(self.at + ANSWER_LIFE, request.until)
        return "seen"

    def seen(self, request: Request, citizen: str, language: str) -> object:
        """What her page depends on: two pages with the same are the same page."""
        held = tuple(self.values.get((citizen, name), (0, None)) for name in request.attributes)
        shown = tuple((version, value) if value is not None else None for version, value in held)
        return citizen, language, shown, self.is_suspended(request.client)

    def answer(
        self, request: Request, citizen: str, decision: str, chosen: frozenset[str], *, is_fresh: bool
    ) -> "str | tuple[Grant, Code]":
        no = self._not_hers(request, citizen)
        if no is not None:
            return no
        running = request.amends
        if decision == "no":
            request.citizen, request.answered = citizen, True
            self._line("other", citizen, kept=running is not None)
            return "declined"
        offered = {name for name in request.attributes if self.held(citizen, name) is not None}
        if decision != "yes":
            return "no_decision"
        if not is_fresh or self.is_suspended(request.client):
            return "changed"
        if running is not None and set(running.attributes) == set(request.attributes):
            chosen = frozenset(running.attributes)  # only another end: nothing to choose
        elif not chosen <= offered:
            return "changed"
        elif not chosen:
            return "nothing_chosen"
        elif not self.required[request.purpose] <= chosen:
            return "required_missing"
        request.citizen, request.answered = citizen, True
        if running is not None:
            return running, self._amend(running, chosen, request.until)
        for old in self.grants:
            if (old.citizen, old.client, old.purpose, old.state) == (
                citizen, request.client, request.purpose, "live",
            ):  # fmt: skip
                self._end(old, "replaced")
        grant = Grant(
            citizen, request.client, request.purpose, tuple(sorted(chosen)), self.at, request.until,
            index=self.size, last=self.size, since=self.at,
        )  # fmt: skip
        self.grants.append(grant)
        self._line("granted", citizen, grant, attributes=grant.attributes)
        code = Code(grant, self.at + CODE_LIFE)
        self.codes.append(code)
        return grant, code

    def _amend(self, grant: Grant, chosen: frozenset[str], until: int) -> Code:
        grant.before.append((grant.since, grant.expires_at, grant.attributes))
        grant.attributes, grant.expires_at = tuple(sorted(chosen)), until
        grant.version, grant.since = grant.version + 1, self.at
        self._line("amended", grant.citizen, grant, attributes=grant.attributes)
        code = Code(grant, self.at + CODE_LIFE)
        self.codes.append(code)
        return code

    def _not_hers(self, request: Request, citizen: str) -> str | None:
        running = request.amends
        if request not in self.requests or request.citizen not in (None, citizen):
            return "NotFound"
        if running is not None and running.citizen != citizen:
            return "NotFound"
        if request.answered or request.expires_at <= self.at:
            return "Gone"
        if running is not None and (running.version != request.pinned or not self.is_live(running)):
            return "Gone"
        return None

    def exchange(self, code: Code, client: str, *, knows_verifier: bool) -> "str | tuple[Token, Token]":
        mine = code in self.codes and client == code.grant.client
        if mine and code.used:
            for token in self.tokens:
                token.revoked |= token.code is code
            return "InvalidGrant"
        if not mine or self.at >= code.expires_at or not knows_verifier:
            return "InvalidGrant"
        if (no := self.no_tokens(code.grant)) is not None:
            return no
        code.used = True
        grant = code.grant
        access = Token("access", grant, code, min(self.at + ACCESS_LIFE, grant.expires_at))
        refresh = Token("refresh", grant, code, grant.expires_at)
        self.tokens += [access, refresh]
        return access, refresh

    def no_tokens(self, grant: Grant) -> str | None:
        """A grant that is over is over; a suspended organisation only waits."""
        no = self.closed(grant)
        return {None: None, "organisation_suspended": "UnauthorizedClient"}.get(no, "InvalidGrant")

    def refresh(self, token: Token, client: str) -> "str | Token":
        if token.kind != "refresh" or token.grant.client != client or not self.works(token):
            return "InvalidGrant"
        if (no := self.no_tokens(token.grant)) is not None:
            return no
        access = Token("access", token.grant, token.code, min(self.at + ACCESS_LIFE, token.grant.expires_at))
        self.tokens.append(access)
        return access

    def disclose(
        self, token: Token, client: str, asked: frozenset[str], key: str | None, proof: str
    ) -> "str | Delivery":
        grant = token.grant
        if token.kind != "access" or client != grant.client or not self.works(token):
            return "InvalidToken"
        memo = self.memos.get((client, key)) if key is not None else None
        if memo is not None and (memo[0] != asked or memo[1].grant is not grant):
            return "Conflict"
        if not self._spend(proof):
            return "InvalidDpopProof"
        no = self.closed(grant)
        if memo is not None:
            if no is not None:
                return self._refuse(grant, no)
            before = memo[1]
            if not {name for name, _, _ in before.items} <= set(grant.attributes):
                return self._refuse(grant, "beyond_grant")
            if any(self.values[grant.citizen, n] != (v, value) for n, v, value in before.items):
                return "values_changed"
            return before
        if no is None and not asked <= frozenset(grant.attributes):
            no = "beyond_grant"
        day = self.at // DAY
        if no is None and grant.day == day and grant.today >= self.frequency[grant.purpose]:
            no = "too_often"
        names = sorted(n for n in asked if self.held(grant.citizen, n) is not None)
        if no is None and not names:
            no = "nothing_held"
        if no is not None:
            return self._refuse(grant, no)
        grant.today = 1 + (grant.today if grant.day == day else 0)
        grant.day = day
        items = tuple((name, *self.values[grant.citizen, name]) for name in names)
        index = self._line("disclosed", grant.citizen, grant, attributes=tuple(names))
        delivery = Delivery(grant, index, items)
        self.deliveries.append(delivery)
        if key is not None:
            self.memos[client, key] = (asked, delivery)
        return delivery

    def use(
        self, token: Token, client: str, given: tuple[Delivery, ...], template: str, proof: str
    ) -> "str | Use":
        if token.kind == "refresh" or client != token.grant.client or not self.works(token):
            return "InvalidToken"
        grant = given[0].grant
        if grant.client != client:
            return "NotFound"
        if token.grant is not grant:
            return "InvalidToken"
        if any(one.grant.client != client for one in given):
            return "NotFound"
        if any(one.grant is not grant for one in given) or template not in self.templates[grant.purpose]:
            return "BadInput"
        if not self._spend(proof):
            return "InvalidDpopProof"
        today = (grant.index, template, self.at // DAY)
        names = tuple(sorted({name for one in given for name, _, _ in one.items}))
        told = set(names) | set(self.uses[today].attributes if today in self.uses else ())
        no = self.closed(grant)
        if no is None and not told <= set(grant.attributes):
            no = "beyond_grant"
        if no is not None:
            return self._refuse(grant, no)
        if today not in self.uses:
            index = self._line("used", grant.citizen, grant, attributes=names)
            self.uses[today] = Use(grant, names, index)
        return self.uses[today]

    def stop(self, grant: Grant, citizen: str) -> str:
        if grant.citizen != citizen:
            return "NotFound"
        if grant.state == "live":
            self._end(grant, "citizen_asked")
        return "stopped"

    def let_go(self, grant: Grant, client: str) -> str:
        if grant.client != client:
            return "NotFound"
        if grant.state == "live":
            self._end(grant, "organisation_asked", "revoked")
        return "let go"

    def tidy(self) -> None:
        """Grants that lapsed get their entry; what no longer works is forgotten."""
        for grant in sorted(self.grants, key=lambda g: (g.expires_at, g.id or "")):
            if grant.state == "live" and grant.expires_at <= self.clock:
                self._end(grant, "")
        self.requests = [
            r for r in self.requests
            if r.answered or r.expires_at >= self.at - (HOUR if r.citizen is None else 30 * DAY)
        ]  # fmt: skip
        self.codes = [code for code in self.codes if code.expires_at >= self.at - HOUR]
        self.tokens = [
            token for token in self.tokens
            if token.kind == "refresh" or token.expires_at >= self.at - HOUR
        ]  # fmt: skip

    # What they have in common

    def works(self, token: Token) -> bool:
        # A refresh token lives as long as its grant, whatever became of its end since.
        ends = token.grant.expires_at if token.kind == "refresh" else token.expires_at
        return token in self.tokens and not token.revoked and self.at < ends

    def _spend(self, proof: str) -> bool:
        if proof in self.spent:
            return False
        self.spent.add(proof)
        return True

    def _end(self, grant: Grant, reason: str, state: str = "withdrawn") -> None:
        lapsed = not self.is_live(grant)
        grant.state = "expired" if lapsed else state
        self._line(grant.state, grant.citizen, grant, reason="time_passed" if lapsed else reason)

    def _refuse(self, grant: Grant, reason: str) -> str:
        key = (grant.index, reason, self.at // DAY)
        if key not in self.refusals:
            self._line("refused", grant.citizen, grant, reason=reason)
        self.refusals[key] = self.refusals.get(key, 0) + 1
        return reason

    def _line(
        self, ev: str, citizen: str, grant: Grant | None = None, *,
        attributes: tuple[str, ...] = (), reason: str | None = None, kept: bool = False,
    ) -> int:  # fmt: skip
        at, index, n, prev = self.at, self.size, None, None
        if grant is not None:
            begins = ev == "granted"
            grant.n = 0 if begins else grant.n + 1
            n, prev = grant.n, None if begins else grant.last
            grant.last = index
        exp = grant.expires_at if grant is not None else 0
        self.lines.append(Line(ev, citizen, grant, n, prev, attributes, reason, at, exp, kept))
        self.size, self.head_at = index + 1, at
        return index
