"""The house rules that no type checker knows: floors, rooms, who may make a Permit, how large a file may be.

Each rule reads the source as text or as a syntax tree; nothing is imported, so a broken rule is named even when the
house does not start.
"""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ROOT / "consent"
FILES = sorted(HOUSE.rglob("*.py"))

# A room may use itself and what lies on a lower floor. Under the roof, where it is put together, all may be used.
ROOF = 5
FLOOR = {
    "words": 0,
    "grants": 1,
    "vault": 1,
    "ledger": 1,
    "oauth": 1,
    "storage": 2,
    "acts": 3,
    "web": 4,
    **dict.fromkeys(("errands", "upkeep", "commands"), ROOF),
}
PURE = ("words", "grants", "vault", "ledger", "oauth")
TRUSTED = ("words", "grants", "vault", "ledger")


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What would bring the world, the clock or chance into a pure room.
WORLDLY = words(
    "litestar aiosqlite asyncpg httpx asyncio os time secrets random uuid socket sqlite3 threading pathlib "
    "subprocess tempfile urllib.request http structlog logging uvicorn jinja2 webauthn"
)
# How keys are made, today is asked, and files are opened. Nonces and instants are arguments.
WORLDLY_CALLS = words(
    "open print input eval exec now utcnow today generate generate_key generate_private_key token_bytes "
    "token_urlsafe token_hex urandom sleep"
)
# What people can do, as verbs …
ACTS = words(
    "apply count doubt draft reply "
    "advise "
    "acknowledge admit amend approve ask audit authenticate begin browse close cosign demand disclose enquire "
    "enrol entrust erase expire explain export federate freeze gather gauge grant help hold inspect join judge keep "
    "lead_back link mandate narrow operate oversee prefer propose publish recover redeem refuse register retain "
    "review revoke rotate scan sign_in signal stop succeed suspend tidy use weigh withdraw witness "
    "report tally notify tell rewrap rehearse spread"
)
# … what a citizen looks at, and how every act is done: by whom written down, with what at hand, each proof once.
BESIDE_ACTS = words(
    "plain sketch "
    "dealings history "
    "acting allowance answers client_keys ending overview policy quorum receipt timeline scribe house once timekeeper "
    "meter paper reach ready session ways "
    "pulse pen standing waiting"
)

# What attackers of an OAuth server are known to try (RFC 9700): a file each in tests/attacks.
NAMED_ATTACKS = sorted(
    words(
        "code_replay injected_code mix_up pkce_downgrade request_uri_swap stolen_token proof_replay "
        "simultaneous_exchange algorithm_confusion oversized_and_garbled open_redirect consent_swap after_a_stop "
        "assertions beyond_approval"
    )
)

MOST_LINES = 300
MOST_LINES_OF_TRUST = 2_500


def test_imports_only_go_down_and_rooms_on_one_floor_do_not_know_each_other() -> None:
    wrong = []
    for file in FILES:
        here = room_of(file)
        for line, module in imports_of(file):
            if module.split(".")[0] != "consent" or module in ("consent", "consent.__version__"):
                continue
            there = module.split(".")[1]
            floor, below = FLOOR.get(here, ROOF), FLOOR.get(there, ROOF)
            if here != there and not below < floor and not floor == below == ROOF:
                wrong.append(f"{at(file, line)}: {here} knows {there}")
    assert wrong == []


def test_every_folder_is_a_room_on_a_floor() -> None:
    folders = {folder.name for folder in HOUSE.iterdir() if (folder / "__init__.py").exists()}
    assert folders == set(FLOOR)


def test_what_must_be_trusted_has_no_clock_no_chance_no_files_and_no_network() -> None:
    wrong = []
    for file in (file for file in FILES if room_of(file) in PURE):
        for line, module in imports_of(file):
            if module in WORLDLY or module.split(".")[0] in WORLDLY:
                wrong.append(f"{at(file, line)}: imports {module}")
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.Call) and called(node) in WORLDLY_CALLS:
                wrong.append(f"{at(file, node.lineno)}: calls {called(node)}")
            if isinstance(node, ast.AsyncFunctionDef | ast.Await):
                wrong.append(f"{at(file, node.lineno)}: waits for something")
    assert wrong == []


def test_a_permit_is_made_in_one_file_only() -> None:
    """`decide` is the only way to a Permit; not even a copy with other attributes may be made elsewhere."""
    makers = set()
    for file in FILES:
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.Call) and (
                called(node) == "Permit"
                or (
                    called(node) in ("replace", "convert", "decode") and "permit" in ast.unparse(node).lower()
                )
            ):
                makers.add(str(file.relative_to(HOUSE)))
            if isinstance(node, ast.ClassDef) and any("Permit" in ast.unparse(base) for base in node.bases):
                makers.add(str(file.relative_to(HOUSE)))
            if isinstance(node, ast.alias) and node.name == "Permit" and node.asname:
                makers.add(str(file.relative_to(HOUSE)))
    assert makers == {"grants/decide.py"}


def test_the_vault_opens_a_value_only_with_a_permit() -> None:
    (function,) = [
        node
        for node in ast.walk(tree_of(HOUSE / "vault" / "seal.py"))
        if isinstance(node, ast.FunctionDef) and node.name == "open_sealed"
    ]
    first = function.args.args[0]
    assert (first.arg, ast.unparse(first.annotation or ast.Constant(None))) == ("permit", "Permit")
    assert function.args.defaults == []


@pytest.mark.parametrize("room", ["vault", "storage"])
def test_a_door_reaches_neither_vault_nor_storage(room: str) -> None:
    wrong = [
        at(file, line)
        for file in FILES
        if room_of(file) == "web"
        for line, module in imports_of(file)
        if module.startswith(f"consent.{room}")
    ]
    assert wrong == []


def test_sql_stands_in_the_cellar_and_nowhere_else() -> None:
    sql = re.compile(
        r"\b(SELECT\s+.+\s+FROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|BEGIN IMMEDIATE)\b"
    )
    wrong = [
        at(file, node.lineno)
        for file in FILES
        if room_of(file) != "storage"
        for node in texts_of(tree_of(file))
        if sql.search(node.value)
    ]
    assert wrong == []


def test_every_sql_statement_is_used_and_every_used_one_exists() -> None:
    named = re.compile(r"^-- name: (\S+)$", re.MULTILINE)
    written = {
        name for file in (HOUSE / "storage" / "sql").glob("*.sql") for name in named.findall(file.read_text())
    }
    used: set[str] = set()
    for file in FILES:
        tree = tree_of(file)
        used |= {node.value for node in texts_of(tree) if re.fullmatch(r"[a-z_]+\.[a-z_]+", node.value)}
        for node in ast.walk(tree):
            # A kind is read by `KIND.one(…)` or `KIND.get`, or by another statement of its own: `KIND.by("lately", …)`.
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id.isupper()
            ):
                kind = node.value.id.lower()
                used |= {f"{kind}.get"} if node.attr in ("one", "get") else set()
            if isinstance(node, ast.Call) and called(node) == "by" and isinstance(node.func, ast.Attribute):
                kind = ast.unparse(node.func.value).lower()
                used.add(f"{kind}.{ast.literal_eval(node.args[0])}")
            if isinstance(node, ast.Call) and called(node) in ("put", "add") and node.args:
                used.add(f"{ast.unparse(node.args[0]).lower()}.put")
    unused = sorted(written - used)
    assert not unused, f"written and never used: {unused}"
    asked = {
        node.args[0].value
        for file in FILES
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Call) and called(node) in ("read", "Statement") and node.args
        if isinstance(node.args[0], ast.Constant)
    }
    assert asked, "statements are asked for by name"
    assert sorted(asked - written) == [], "used, never written"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(HOUSE)))
def test_a_file_can_be_read_in_one_go(file: Path) -> None:
    """Lines that hold code; what explains them does not count."""
    assert lines_of_code(file) <= MOST_LINES


def test_what_must_be_trusted_can_be_read_in_an_afternoon() -> None:
    assert sum(lines_of_code(file) for file in FILES if room_of(file) in TRUSTED) < MOST_LINES_OF_TRUST


def test_every_file_class_and_act_says_what_it_is_for() -> None:
    """Public classes and functions at the top of a file; a method or an error in a tree may speak for itself."""
    wrong = []
    for file in FILES:
        tree = tree_of(file)
        if not ast.get_docstring(tree):
            wrong.append(at(file, 1))
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            is_error = isinstance(node, ast.ClassDef) and file.name == "errors.py"
            if not node.name.startswith("_") and not is_error and not ast.get_docstring(node):
                wrong.append(f"{at(file, node.lineno)}: {node.name}")
    assert wrong == []


def test_the_folder_of_acts_is_the_list_of_what_people_can_do() -> None:
    assert {file.stem for file in (HOUSE / "acts").glob("*.py")} - {"__init__"} == ACTS | BESIDE_ACTS


def test_no_file_is_called_after_nothing() -> None:
    names = {file.stem for file in [*FILES, *(ROOT / "clients").rglob("*.py")]}
    assert names & {"utils", "util", "helpers", "misc", "common", "manager", "base"} == set()


def test_no_template_switches_escaping_off() -> None:
    off = re.compile(r"\|\s*safe\b|autoescape\s+false|Markup\(")
    pages = sorted((HOUSE / "web" / "pages").glob("*.html"))
    assert pages
    assert [page.name for page in pages if off.search(page.read_text())] == []
    assert not any("Markup(" in file.read_text() for file in FILES)


def test_no_tracked_file_knows_the_machine_on_which_it_was_written() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = [name for name in listed.stdout.decode().split("\0") if name]
    if listed.returncode != 0:  # a copy without its history: look at what stands there
        names = [
            str(f.relative_to(ROOT))
            for d in ("consent", "clients", "docs", "tests")
            for f in (ROOT / d).rglob("*")
        ]
    place = re.compile(r"/(?:work|home|root|Users)/\w|\.\./shared|/tmp/\w+/")
    wrong = []
    for name in names:
        file = ROOT / name
        if not file.is_file() or file.suffix == ".mo" or file == Path(__file__).resolve():
            continue
        for number, line in enumerate(file.read_text("utf-8", errors="replace").splitlines(), 1):
            if place.search(line):
                wrong.append(f"{name}:{number}")
    assert wrong == []


def room_of(file: Path) -> str:
    """The room of a file, or "roof"."""
    parts = file.relative_to(HOUSE).parts
    return parts[0] if len(parts) > 1 else "roof"


def at(file: Path, line: int) -> str:
    return f"{file.relative_to(ROOT)}:{line}"


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"), str(file))


def called(node: ast.Call) -> str:
    """The last word of what is called: `now` for `datetime.now(…)`."""
    return ast.unparse(node.func).rsplit(".", 1)[-1]


def texts_of(tree: ast.AST) -> Iterator[ast.Constant]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))


def imports_of(file: Path) -> Iterator[tuple[int, str]]:
    """All modules that a file imports, also inside functions, with relative ones written out."""
    package = ("consent", *file.relative_to(HOUSE).parts[:-1])
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            # `from consent.acts import ask` names a module by its alias.
            whole = module.count(".") < 2 or not node.module
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}" if whole else module


def lines_of_code(file: Path) -> int:
    """Lines with code on them: no blank line, comment or docstring."""
    quiet = (
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    )
    tokens = list(tokenize.generate_tokens(io.StringIO(file.read_text("utf-8")).readline))
    lines: set[int] = set()
    for place, token in enumerate(tokens):
        if token.type in quiet:
            continue
        alone = (place == 0 or tokens[place - 1].type in quiet) and tokens[place + 1].type in quiet
        if token.type == tokenize.STRING and alone:
            continue
        lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines)


@pytest.mark.parametrize("name", NAMED_ATTACKS)
def test_each_named_attack_is_a_file_that_says_what_it_wins_and_what_stops_it(name: str) -> None:
    said = ast.get_docstring(ast.parse((ROOT / "tests" / "attacks" / f"test_{name}.py").read_text("utf-8")))
    assert said is not None
    assert said.startswith("Attack: ")
    for part in ("What it would win: ", "What stops it: ", "RFC "):
        assert part in said, part
