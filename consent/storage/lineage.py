"""Which history of a PostgreSQL server we are on. A fail-over begins another, which may lack what was acknowledged.

Every server has an identifier, and counts its histories: a standby that takes over begins the next timeline (PostgreSQL
manual, "Continuous Archiving and Point-in-Time Recovery", Timelines). Both are read at each new connection.
"""

from typing import Any, NamedTuple

from .store import Unavailable

_LOOK = """
SELECT system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8),
  current_setting('synchronous_standby_names') <> '', current_setting('synchronous_commit')
FROM pg_control_system()
"""


class FailedOver(Unavailable):
    """Another server took over, and the one before did not wait for it: the last commits may be lost."""


class _Place(NamedTuple):
    server: int
    timeline: str


class Lineage:
    """What one process knows of the server that it writes to. One for all its connections."""

    def __init__(self) -> None:
        self._place: _Place | None = None
        self._waits = False  # whether a commit there is also a standby's, before it is acknowledged

    async def look(self, connection: Any) -> None:
        """Look at the server of a new connection, before anything is asked there.

        Raises Unavailable for one that can be no primary, and FailedOver. Who follows a server that may have lost a
        stop would disclose after it; so only a start follows it, which first asks files and witnesses.
        """
        if await connection.fetchval("SELECT pg_is_in_recovery()"):
            raise Unavailable("this PostgreSQL is a standby; connect to the primary")
        server, timeline, waits, commits = await connection.fetchrow(_LOOK)
        if commits in ("off", "local"):
            raise Unavailable(
                "this PostgreSQL says that it has written what it has not (synchronous_commit); set it to on"
            )
        place = _Place(server, timeline)
        if self._place is not None and place != self._place and not self._waits:
            raise FailedOver("another PostgreSQL took over, which may lack what was written last")
        self._place, self._waits = place, waits
