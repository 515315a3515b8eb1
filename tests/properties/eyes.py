"""What the state machine looks at: the log itself, her pages and receipts, and every byte that was stored or sent."""

from typing import Any

from consent.acts.overview import overview
from consent.acts.receipt import receipt, receipt_file
from consent.acts.timeline import timeline
from consent.words.attributes import CATALOGUE
from consent.words.instants import DAY, seconds

from .hands import Hands
from .house import decoded
from .things import Delivery, Grant, Line

ORGANISATION = {"voorbeeldstad-loket": "voorbeeldstad", "voorbeeld-energie-app": "voorbeeld-energie"}


class Eyes(Hands):
    """Everything that must agree with the model, and what no file and no answer may hold."""

    people: dict[str, str]
    first: int  # index of the first entry that the model knows
    checked: int
    log_lines: Any  # what the service wrote to its own log

    def every_new_entry_is_one_that_the_model_expects(self) -> None:
        ((_, _, size, *_),) = self._read("head.get", self.world.house.log)
        assert size == self.model.size, "the log has another number of entries"
        for index in range(self.checked, size):
            if self.model.lines[index - self.first].ev == "control":
                assert self._read("opening.get", self.world.house.log, index) == []
                continue
            ((_, _, organisation, _, _, _, record),) = self._read("opening.get", self.world.house.log, index)
            self.sent.append(record)
            line = self.model.lines[index - self.first]
            assert _relevant(decoded(record)) == self._record_of(line, index)
            assert organisation == (ORGANISATION[line.grant.client] if line.grant else None)
        self.checked = size

    def her_home_page_says_what_is_live(self) -> None:
        if self.model.clock < self.model.head_at:
            return  # pages go by the clock, doors by the log's time; they agree again when the clock caught up
        for citizen in self.people.values():
            page = self.home.run(overview(self.world.house, citizen=citizen, language="en"))
            mine = [g for g in self.model.grants if g.citizen == citizen]
            delivered = {g.id: sum(d.grant is g for d in self.model.deliveries) for g in mine}
            assert {(c.id, c.disclosures, c.until) for c in page.grants} == {
                (g.id, delivered[g.id], g.expires_at) for g in mine if self.model.is_live(g)
            }
            assert {(e.id, e.how) for e in page.ended} == {
                (g.id, {"live": "expired", "revoked": "let_go"}.get(g.state, g.state))
                for g in mine
                if not self.model.is_live(g)
            }

    def the_whole_life_is_right(self) -> None:
        self._nothing_after_an_end()
        for citizen in self.people.values():
            self._timeline_is_right(citizen)
        for grant in self.model.grants:
            self._receipt_is_right(grant)
        report = self.home.run(self.world.audit(self.home.folder / "exported"))
        assert report.exit_code == 0, report.sentences
        assert report.size == self.model.size
        self.sent += [str(line).encode() for line in self.log_lines]
        for where, octets in [*self.home.all_bytes(), ("sent", b"\n".join(self.sent))]:
            assert self.home.leaks(octets) == [], f"a value stands in {where}"

    def _nothing_after_an_end(self) -> None:
        """From the log alone, without the model: no disclosure or use stands after the end of its grant."""
        ended: dict[int, str] = {}
        holds: dict[int, set[str]] = {}
        for index in range(self.first, self.model.size):
            opening = self._read("opening.get", self.world.house.log, index)
            if not opening:
                continue  # about the log itself
            record = decoded(opening[0][-1])
            if record["ev"] in ("withdrawn", "revoked", "expired"):
                ended[record["c"]] = record["ev"]
            elif record["ev"] in ("disclosed", "used", "amended"):
                assert record["c"] not in ended, f"{record['ev']} at {index} after {ended[record['c']]}"
                assert record["nbf"] <= record["t"] < record["exp"]
            if record["ev"] in ("granted", "amended"):
                holds[record["c"]] = set(record["attributes"])
            if record["ev"] in ("disclosed", "used"):
                assert set(record["attributes"]) <= holds[record["c"]]

    def _timeline_is_right(self, citizen: str) -> None:
        seen = timeline(self.world.house, citizen=citizen, language="en", most=10_000)
        months = self.home.run(seen).months
        lines = [line for month in months for line in month.lines]
        expected = [line for line in reversed(self.model.lines) if line.citizen == citizen]
        assert [(one.kind, one.grant) for one in lines] == [
            (_told(e), e.grant.id if e.grant else None) for e in expected
        ]
        for one, line in zip(lines, expected, strict=True):
            labels = {CATALOGUE[name].label.en for name in line.attributes}
            assert set(one.labels) == labels
            if line.ev == "refused":
                assert line.grant is not None
                assert one.count == self.model.refusals[line.grant.index, str(line.reason), line.at // DAY]
            if line.ev == "used":
                assert one.because is not None
                assert all(CATALOGUE[n].label.en[1:] in one.because for n in line.attributes)

    def _receipt_is_right(self, grant: Grant) -> None:
        house, about = self.world.house, {"citizen": grant.citizen, "grant": str(grant.id)}
        page = self.home.run(receipt(house, language="en", **about))  # type: ignore[arg-type]
        mine = [d for d in self.model.deliveries if d.grant is grant]
        assert [item.label for item in page.items] == [CATALOGUE[n].label.en for n in grant.attributes]
        assert sorted(d.labels for d in page.disclosures) == sorted(_labels(d) for d in mine)
        assert (page.until, page.entry.index) == (grant.expires_at, grant.index)
        versions = [*grant.before, (grant.since, grant.expires_at, grant.attributes)]
        assert [(v.from_at, v.until, v.labels) for v in reversed(page.versions)] == [
            (since, until, tuple(CATALOGUE[n].label.en for n in names)) for since, until, names in versions
        ]
        file = self.home.run(receipt_file(house, **about))  # type: ignore[arg-type]
        data = file["dpv:hasRecordOfActivity"]["dpv:hasProcess"][0]["dpv:hasPersonalData"]
        assert tuple(one["dct:identifier"] for one in data) == grant.attributes
        history = file["dpv:hasRecordOfActivity"]["dct:hasVersion"]
        assert [tuple(v["dpv:hasPersonalData"]) for v in history] == [names for _, _, names in versions]
        assert file["log"]["index"] == grant.index
        assert file["log"]["last"] == grant.last
        self.sent.append(str(file).encode())

    def _record_of(self, line: Line, index: int) -> dict[str, Any]:
        record: dict[str, Any] = {
            "o": self.world.house.vkey.partition("+")[0],
            "i": index, "ev": line.ev, "t": seconds(line.at), "reason": line.reason,
        }  # fmt: skip
        grant = line.grant
        if grant is not None:
            record |= {
                "c": grant.index, "n": line.n, "prev": line.prev, "org": ORGANISATION[grant.client],
                "purpose": f"{grant.purpose}@1", "attributes": list(line.attributes) or None,
                "nbf": seconds(grant.granted_at), "exp": seconds(line.exp),
            }  # fmt: skip
        return {key: value for key, value in record.items() if value is not None}

    def _read(self, name: str, *parameters: Any) -> Any:
        return self.home.run(self.world.house.store.read(name, *parameters))


def _labels(delivery: Delivery) -> tuple[str, ...]:
    return tuple(CATALOGUE[name].label.en for name, _, _ in delivery.items)


def _relevant(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in ("v", "by", "sig", "terms")}


def _told(line: Line) -> str:
    """What her timeline calls an entry: her no is hers alone to read, and a new yes is no stop."""
    if line.ev == "other":
        return "kept" if line.kept else "declined"
    if line.ev == "revoked":
        return "let_go"
    return "replaced" if line.reason == "replaced" else line.ev
