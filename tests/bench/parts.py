"""The parts of `whole.py`: each builds what it needs, measures it, and gives plain figures back."""

import asyncio
import contextlib
import http.client
import json
import os
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from consent.oauth.batches import MOST_ITEMS
from consent.oauth.jose import thumbprint
from consent.opening import add_on_purpose
from consent.settings import Settings
from tests import postgres

from . import check, ground, ledger, load, measure, oauth, people
from .measure import Target
from .people import People

ROOT = Path(__file__).resolve().parents[2]
_HERE = Path(__file__).parent
_BATCHES = 4  # connections that send batches
_LOAD = 64
_STARTING = 60.0  # seconds
_AT_ONCE = 2_000  # requests that are signed beforehand
_FIRST = 1_000  # entries that a log has at the beginning
_FILE_PARTS = (".sqlite3", ".sqlite3-wal")


class Plan(NamedTuple):
    """How much to measure, where, and who hears of it."""

    folder: Path
    seconds: float
    rounds: int
    citizens: int
    crowd: int  # citizens of the measurement of memory
    entries: int  # of the long log
    stops: int  # at most, under load
    without: frozenset[str]
    tell: Callable[[str], None]


_CORES = frozenset(os.sched_getaffinity(0))


def speed(plan: Plan) -> dict[str, Any]:
    """All rows of the table, in turns: what is compared stands in one round."""
    first, last = min(_CORES), max(_CORES)
    with contextlib.ExitStack() as stack:
        other = measure.free_port()
        anchors = stack.enter_context(
            _server([sys.executable, str(_HERE / "anchors.py"), str(other)], other, {first})
        )
        plan.tell("planting citizens on SQLite")
        settings = Settings(data=str(plan.folder / "sqlite"), port=measure.free_port())
        planted = asyncio.run(people.plant(settings, citizens=plan.citizens, leaving=plan.stops))
        made = planted.made
        variants = {name: _copy(planted, plan.folder / name) for name in ("without-log", "other-cores")}
        ours = stack.enter_context(_ours(made, {first}))
        bare = stack.enter_context(_ours(variants["without-log"].made, {first}, variant="without-log"))
        cores = stack.enter_context(_ours(variants["other-cores"].made, set(_CORES), variant="other-cores"))
        ed25519 = made._replace(accesses=planted.ed25519)
        targets = [
            Target("bare", _LOAD, other, anchors, lambda _: ground.bare(other), True),
            Target("proof", _LOAD, other, anchors, lambda n: made.proof_only(n, other), False),
            *[Target("disclosure", c, made.port, ours, made.disclosure, False) for c in (1, 16, 64, 256)],
            Target(f"batches of {MOST_ITEMS}", _BATCHES, made.port, ours, made.batch, False, each=MOST_ITEMS),
            _disclosures("without the log", variants["without-log"].made, bare),
            Target("proof, Ed25519", _LOAD, other, anchors, lambda n: ed25519.proof_only(n, other), False),
            _disclosures("disclosure, Ed25519", ed25519, ours),
            _disclosures("proofs on other cores", variants["other-cores"].made, cores),
        ]
        if "oidc-provider" not in plan.without:
            targets.append(stack.enter_context(_userinfo(plan, made, first)))
        counted = [made, variants["other-cores"].made]
        if "postgresql" not in plan.without:
            more, grounds = _on_postgres(stack, plan, {first}, {last})
            targets += more
            counted += grounds
        os.sched_setaffinity(0, {last})
        check.one_disclosure(made)
        check.one_disclosure(ed25519)
        check.one_batch(made)
        sizes = [check.size_of_log(one) for one in counted]
        before = check.size_of_log(variants["without-log"].made)
        warm, turns = measure.measure(
            targets,
            rounds=plan.rounds,
            seconds=plan.seconds,
            file=plan.folder / "requests",
            tell=plan.tell,
        )
        unlogged = check.size_of_log(variants["without-log"].made)
        grown = sum(check.size_of_log(one) - size for one, size in zip(counted, sizes, strict=True))
        found: dict[str, Any] = {}
        if "withdrawal" not in plan.without:
            found["withdrawal"] = _withdrawal(plan, planted)
    results = [
        (target, turn[target.name, target.connections]) for turn in (warm, *turns) for target in targets
    ]
    logged = {one.port for one in counted}
    lines = measure.summary(turns)
    for line in lines:
        line["beside_us"] = round(
            statistics.median(turn[line["name"], line["connections"]].beside for turn in turns), 1
        )
    return found | {
        "targets": lines,
        "ratios": _ratios(turns),
        "bad_answers": sum(result.bad for _, result in results),
        "disclosures_answered": sum(result.answers for target, result in results if target.port in logged),
        "entries_written": grown,
        "entries_without_the_log": unlogged - before,
    }


def _ratios(turns: list[measure.Turn]) -> dict[str, float]:
    """Medians of the ratios within each round, by what is divided by what."""
    disclosure = ("disclosure", _LOAD)
    pairs = [
        ("disclosure / proof", disclosure, ("proof", _LOAD)),
        ("disclosure / oidc-provider", disclosure, ("oidc-provider", _LOAD)),
        ("disclosure / without the log", disclosure, ("without the log", _LOAD)),
        ("batches / disclosure", (f"batches of {MOST_ITEMS}", _BATCHES), disclosure),
        ("disclosure / proof, Ed25519", ("disclosure, Ed25519", _LOAD), ("proof, Ed25519", _LOAD)),
        ("Ed25519 / ES256", ("disclosure, Ed25519", _LOAD), disclosure),
        ("proofs on other cores / disclosure", ("proofs on other cores", _LOAD), disclosure),
        ("disclosure at 256 / at 64", ("disclosure", 256), disclosure),
        ("PostgreSQL / SQLite", ("PostgreSQL", _LOAD), disclosure),
        (
            "PostgreSQL: two processes on all cores / one on one",
            ("PostgreSQL, 2 processes, all cores", _LOAD),
            ("PostgreSQL, all on one core", _LOAD),
        ),
        (
            "PostgreSQL: two processes / one",
            ("PostgreSQL, 2 processes, all cores", _LOAD),
            ("PostgreSQL", _LOAD),
        ),
        (
            "PostgreSQL: two logs / one, two processes on all cores",
            ("PostgreSQL, 2 processes, 2 logs", _LOAD),
            ("PostgreSQL, 2 processes, all cores", _LOAD),
        ),
    ]
    return {
        f"{name}{by}": measure.ratio(turns, *((one, two) if by == "" else (two, one)), field)
        for name, one, two in pairs
        if one in turns[0] and two in turns[0]
        for by, field in (("", "per_second"), (", by processor time", "cpu"))
        if by == "" or not name.startswith("PostgreSQL")  # a part of its time is another process's
    }


def _on_postgres(
    stack: contextlib.ExitStack, plan: Plan, first: set[int], last: set[int]
) -> tuple[list[Target], list[ground.Ground]]:
    """The same on PostgreSQL: one process, two, and two with two logs. Where the database runs is said in the name."""
    plan.tell("planting citizens on PostgreSQL")
    cluster = stack.enter_context(postgres.cluster(durable=True))
    one_url = asyncio.run(cluster.database())
    settings = Settings(data=str(plan.folder / "pg"), port=measure.free_port(), database=one_url)
    planted = asyncio.run(people.plant(settings, citizens=plan.citizens))
    both = _copy(planted, plan.folder / "pg-2")
    two_url = asyncio.run(cluster.copy(one_url))
    apart = _copy(planted, plan.folder / "pg-3")
    apart_url = asyncio.run(cluster.copy(one_url))
    one, two, three = planted.made, both.made, apart.made
    put_beside = Settings(data=str(three.folder), database=apart_url, issuer=three.issuer)
    asyncio.run(add_on_purpose(put_beside))
    one_pid = stack.enter_context(_ours(one, first, "--database", one_url))
    two_pid = stack.enter_context(_ours(two, set(_CORES), "--database", two_url, "--workers", "2"))
    words = ("--database", apart_url, "--workers", "2")
    three_pid = stack.enter_context(_ours(three, set(_CORES), *words))
    check.one_disclosure(one)
    check.one_disclosure(two)

    def target(name: str, count: int, made: ground.Ground, pid: int, cores: set[int]) -> Target:
        def before() -> None:
            measure.pin(cluster.process, cores)

        target = Target(name, count, made.port, pid, made.disclosure, False)
        return target._replace(beside=cluster.process, before=before)

    batches = target(f"PostgreSQL, batches of {MOST_ITEMS}", _BATCHES, one, one_pid, last)
    return [
        *[target("PostgreSQL", count, one, one_pid, last) for count in (1, 16, 64, 256)],
        batches._replace(make=one.batch, each=MOST_ITEMS),
        target("PostgreSQL, all on one core", _LOAD, one, one_pid, first),
        target("PostgreSQL, 2 processes, all cores", _LOAD, two, two_pid, set(_CORES)),
        target("PostgreSQL, 2 processes, 2 logs", _LOAD, three, three_pid, set(_CORES)),
    ], [one, two, three]


@contextlib.contextmanager
def _userinfo(plan: Plan, made: ground.Ground, core: int) -> Iterator[Target]:
    """oidc-provider's userinfo, asked with the same keys for the same values."""
    node = oauth.installed(oauth.cache())
    shutil.copy(_HERE / "node" / "userinfo.mjs", node / "userinfo.mjs")
    port, keys = measure.free_port(), [access.key for access in made.accesses[: ground.CLIENTS]]
    clients = [
        {"id": f"client-{n}", "jwk": key.jwk, "jkt": thumbprint(key.jwk)} for n, key in enumerate(keys)
    ]
    file, tokens = plan.folder / "userinfo.json", plan.folder / "tokens.json"
    said = {"port": port, "scope": "attributes", "values": ground.VALUES, "clients": clients}
    file.write_text(json.dumps(said | {"tokens": str(tokens)}), "utf-8")
    with _server(
        ["env", "NODE_ENV=production", "node", str(node / "userinfo.mjs"), str(file)], port, {core}
    ) as pid:
        until = time.monotonic() + _STARTING
        while not tokens.exists() or not tokens.read_bytes().endswith(b"]"):
            if time.monotonic() > until:
                raise SystemExit("oidc-provider made no tokens")
            time.sleep(0.05)
        made_there = json.loads(tokens.read_text("utf-8"))
        given = [ground.access_of(t, k) for t, k in zip(made_there, keys, strict=True)]

        def request(number: int) -> bytes:
            access = given[number % len(given)]
            proof = access.key.proof("GET", f"http://localhost:{port}/me", ath=access.ath)
            return (
                f"GET /me HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: DPoP {access.token}\r\n"
                f"DPoP: {proof}\r\n\r\n"
            ).encode()

        claims = _asked(request(0), port)
        assert ground.VALUES.items() <= claims.items(), "userinfo gives other values"
        # Node translates what runs often while it runs: the round that warms the others up is too short for it.
        load.each_once(port, [request(n) for n in range(int(2_000 * plan.seconds))], connections=_LOAD)
        yield Target("oidc-provider", _LOAD, port, pid, request, False)


def _withdrawal(plan: Plan, planted: People) -> dict[str, Any]:
    """How long a tap on Stop takes while 64 connections ask as fast as they can; one tap after the other."""
    plan.tell("stops under full load")
    made, seconds = planted.made, max(1.0, 5 * plan.seconds)
    count, loads = int(3_000 * seconds), []
    requests = [made.disclosure(number) for number in range(count)]

    def press() -> None:
        loads.append(
            load.drive(
                made.port,
                requests,
                again=False,
                connections=_LOAD,
                seconds=seconds,
                file=plan.folder / "load",
            )
        )

    pressure = threading.Thread(target=press)
    taken: list[float] = []
    connection = http.client.HTTPConnection("127.0.0.1", made.port, timeout=60)
    pressure.start()
    time.sleep(seconds / 10)
    for one in planted.leaving:
        if taken and not pressure.is_alive():
            break
        began = time.perf_counter()
        connection.request("POST", *people.stop_request(one, made.issuer, made.port))
        answer = connection.getresponse()
        answer.read()
        taken.append((time.perf_counter() - began) * 1e3)
        assert answer.status == 303, answer.status
    pressure.join()
    connection.close()
    taken = taken[:-1] or taken  # the last one may have had the service for itself
    stopped = made._replace(accesses=[planted.leaving[0].access]).disclosure(0)
    assert not _opens(stopped, made.port), "a withdrawn grant still opens"
    ordered = sorted(taken)
    found = {
        "stops": len(ordered),
        "p50_ms": round(statistics.median(ordered), 2),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)], 2),
        "most_ms": round(ordered[-1], 2),
        "disclosures_per_second": round(loads[0].per_second, 1),
        "bad_answers": loads[0].bad,
    }
    if loads[0].dry:  # some of them had the service for themselves: that is no figure
        found = {"bad_answers": loads[0].bad, "requests_that_lasted": count}
    return found


def memory(plan: Plan) -> dict[str, Any]:
    """How much a service's process grows when each citizen of a crowd is asked about, and her part of the file."""
    plan.tell(f"planting {plan.crowd:,} citizens")
    settings = Settings(data=str(plan.folder / "crowd"), port=measure.free_port())
    planted = asyncio.run(people.plant(settings, citizens=plan.citizens))
    keys = {f"client-{n}": a.key for n, a in enumerate(planted.made.accesses[: ground.CLIENTS])}
    before = _on_disk(planted.made.folder)
    crowd = asyncio.run(people.plant_more(settings, keys, plan.crowd))
    kept = _on_disk(planted.made.folder) - before
    made = planted.made
    with _ours(made, {min(_CORES)}) as pid:
        os.sched_setaffinity(0, {max(_CORES)})
        _ask_each(made)  # what the first thousands of requests cost, whoever asks
        at_first = measure.megabytes(pid)
        answered = _ask_each(made._replace(accesses=crowd))
        grown = measure.megabytes(pid) - at_first
    each = 100_000 / plan.crowd
    return {
        "citizens": plan.crowd,
        "answered": answered,
        "megabytes_at_first": round(at_first, 1),
        "grown_megabytes": round(grown, 1),
        "scaled_to_100000_megabytes": round(grown * each, 1),
        "file_scaled_to_100000_megabytes": round(kept * each, 1),
    }


def _ask_each(made: ground.Ground) -> int:
    answered, wanted = 0, max(_AT_ONCE, len(made.accesses))
    for start in range(0, wanted, _AT_ONCE):  # a proof is good for a minute only
        requests = [made.disclosure(number) for number in range(start, min(wanted, start + _AT_ONCE))]
        counted = load.each_once(made.port, requests, connections=_LOAD)
        assert (counted.bad, counted.answers) == (0, len(requests)), counted
        answered += counted.answers
    return answered


def _on_disk(folder: Path) -> float:
    return sum(p.stat().st_size for p in folder.iterdir() if p.name.endswith(_FILE_PARTS)) / 2**20


def growth(plan: Plan) -> dict[str, Any]:
    """A disclosure in a log of a thousand entries and in a long one, in turns."""
    first, last = min(_CORES), max(_CORES)
    settings = Settings(data=str(plan.folder / "short"), port=measure.free_port())
    short = asyncio.run(people.plant(settings, citizens=plan.citizens))
    long = _copy(short, plan.folder / "long")
    began = time.perf_counter()
    for made, entries in ((short.made, _FIRST), (long.made, plan.entries)):
        plan.tell(f"planting {entries:,} entries")
        named = Settings(data=str(made.folder), port=made.port, issuer=made.issuer)
        asyncio.run(people.plant_entries(named, entries))
    took = time.perf_counter() - began
    with _ours(short.made, {first}) as one, _ours(long.made, {first}) as other:
        os.sched_setaffinity(0, {last})
        sizes = [check.size_of_log(p.made) for p in (short, long)]
        targets = [
            _disclosures("in a short log", short.made, one),
            _disclosures("in a long log", long.made, other),
        ]
        _, turns = measure.measure(
            targets,
            rounds=plan.rounds,
            seconds=plan.seconds,
            file=plan.folder / "requests",
            tell=plan.tell,
        )
        check.one_disclosure(long.made)
    names = ("in a short log", _LOAD), ("in a long log", _LOAD)
    return {
        "entries": sizes,
        "planted_in_seconds": round(took, 1),
        "per_second": [round(statistics.median(t[name].per_second for t in turns), 1) for name in names],
        "cpu_us": [round(statistics.median(t[name].cpu for t in turns), 1) for name in names],
        "ratio": measure.ratio(turns, *names),
        "cpu_ratio": measure.ratio(turns, *reversed(names), "cpu"),
        "bad_answers": sum(turn[name].bad for turn in turns for name in names),
    }


def logs(plan: Plan) -> dict[str, Any]:
    """The log alone beside bare rows and pymerkle, as in `ledger.py`, for a shorter time."""
    plan.tell("the log beside pymerkle")
    (plan.folder / "logs").mkdir()
    os.sched_setaffinity(0, {min(_CORES)})
    turns = asyncio.run(ledger.turns_of(plan.folder / "logs", plan.rounds, plan.seconds / 5))
    os.sched_setaffinity(0, _CORES)
    return {"appends": ledger.summary(turns)}


def _disclosures(name: str, made: ground.Ground, pid: int) -> Target:
    return Target(name, _LOAD, made.port, pid, made.disclosure, False)


def _copy(planted: People, folder: Path) -> People:
    """The same people in a folder of their own, at a port of their own."""
    shutil.copytree(planted.made.folder, folder)
    return planted._replace(made=planted.made._replace(folder=folder, port=measure.free_port()))


def _ours(
    made: ground.Ground, cores: set[int], *words: str, variant: str = ""
) -> contextlib.AbstractContextManager[int]:
    program = [str(_HERE / "variants.py"), variant] if variant else ["-m", "consent"]
    asked = ["serve", "--data", str(made.folder), "--port", str(made.port), *words]
    command = ["env", f"CONSENT_ISSUER={made.issuer}", sys.executable, *program, *asked]
    return _server(command, made.port, cores)


@contextlib.contextmanager
def _server(words: list[str], port: int, cores: set[int]) -> Iterator[int]:
    with measure.serving(words, port=port, core=min(cores), root=ROOT) as pid:
        measure.pin(pid, cores)
        yield pid


def _asked(request: bytes, port: int) -> dict[str, Any]:
    """The JSON that answers one ready-made request. Raises AssertionError unless it is answered 200."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body or None, dict(line.split(": ", 1) for line in lines))
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, (answer.status, said[:300])
        found: dict[str, Any] = json.loads(said)
        return found
    finally:
        connection.close()


def _opens(request: bytes, port: int) -> bool:
    try:
        _asked(request, port)
    except AssertionError:
        return False
    return True
