"""What a citizen does in the state machine: look, answer, stop."""

from collections.abc import Awaitable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from consent.acts import ask as asking
from consent.acts import grant as granting
from consent.acts import lead_back as leading
from consent.acts import withdraw as withdrawing
from consent.oauth.step_up import INVENTED, SignIn
from consent.words.purposes import Language

from .hands import Hands, Step
from .things import Code, Grant, Request


class CitizenHands(Hands):
    """Everything that comes in through the citizen's door."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[tuple[str, str, str], tuple[str, object]] = {}

    def look(self, request: Request, citizen: str, language: Language) -> Step:
        def ask() -> Awaitable[Any]:
            return asking.look(self.world.house, citizen=citizen, request=request.id, language=language)

        def compare(got: Any, expected: Any) -> None:
            if expected != "seen":
                assert type(got).__name__ == expected, (got, expected)
                return
            assert isinstance(got, asking.Page), got
            shown = {item.name: item.version for item in got.shown.items if item.value is not None}
            held = {n: self.model.values.get((citizen, n), (0, None)) for n in request.attributes}
            assert shown == {n: v for n, (v, value) in held.items() if value is not None}
            assert got.shown.until == request.until
            self.pages[request.id, citizen, language] = (
                got.seal, self.model.seen(request, citizen, language),
            )  # fmt: skip

        return Step(ask, lambda: self.model.look(request, citizen), compare)

    def answer(
        self, request: Request, citizen: str, language: Language, decision: str, chosen: frozenset[str]
    ) -> Step:
        seal, seen = self.pages.get((request.id, citizen, language), ("", None))

        def ask() -> Awaitable[Any]:
            return granting.answer(
                self.world.house, citizen=citizen, request=request.id, language=language,
                decision=decision, chosen=chosen, seal=seal,
                sign_in=SignIn(INVENTED, self.world.at),
            )  # fmt: skip

        def model() -> Any:
            is_fresh = seen == self.model.seen(request, citizen, language)
            return self.model.answer(request, citizen, decision, chosen, is_fresh=is_fresh)

        def compare(got: Any, expected: Any) -> None:
            if isinstance(expected, tuple):
                grant, code = expected
                assert isinstance(got, granting.Answered), (got, expected)
                assert request.amends is None or got.grant == grant.id
                grant.id = got.grant
                self.next.append(self.back(request, citizen, code))
            elif expected == "declined":
                assert isinstance(got, granting.Answered), got
                assert got.grant is None
                self.next.append(self.back(request, citizen, None))
            elif isinstance(got, granting.Again):
                assert got.trouble == expected
                return  # the page is hers alone and shows her values
            else:
                assert type(got).__name__ == expected, (got, expected)

        return Step(ask, model, compare)

    def back(self, request: Request, citizen: str, code: Code | None) -> Step:
        """She goes back to who asked: with a code while her yes stands, else with a no."""

        def ask() -> Awaitable[Any]:
            return leading.lead_back(self.world.house, citizen=citizen, request=request.id)

        def model() -> str:
            return "code" if code is not None and self.model.is_live(code.grant) else "access_denied"

        def compare(got: Any, expected: str) -> None:
            query = parse_qs(urlsplit(got).query)
            assert query.get("error", ["code"]) == [expected]
            if code is not None and expected == "code":
                (code.handle,) = query["code"]
            self.sent.append(got.encode())

        return Step(ask, model, compare)

    def stop(self, grant: Grant, citizen: str) -> Step:
        def compare(got: Any, expected: Any) -> None:
            if expected != "stopped":
                assert type(got).__name__ == expected, (got, expected)
                return
            assert isinstance(got, withdrawing.Stopped), got
            assert (got.grant.id, got.grant.state) == (grant.id, grant.state)

        return Step(
            lambda: withdrawing.withdraw(self.world.house, citizen=citizen, grant=grant.id or "0" * 32),
            lambda: self.model.stop(grant, citizen),
            compare,
        )
