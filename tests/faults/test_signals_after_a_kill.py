"""kill -9 between a stop and its delivery: after the restart the organisation hears it, under the same id."""

import contextlib
import json
from pathlib import Path

from consent.demo import Stage
from consent.demo_browser import Browser, Page
from tests.conftest import free_port
from tests.signals.receiver import Receiver, receiving
from tests.web.office import Office, office_of


def test_a_stop_reaches_the_organisation_although_the_service_was_killed_before_it_was_sent(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path, free_port())
    with receiving() as gone:
        port = int(gone.url.rsplit(":", 1)[1].split("/")[0])
    with contextlib.ExitStack() as first:
        server = first.enter_context(stage.serving())
        office = listening_office(stage, f"http://127.0.0.1:{port}/signals")
        grant = office.tokens()["grant_id"]
        stop(stage, grant)
        server.kill()  # nobody listens at the endpoint yet, so nothing was delivered
        server.wait()
    with receiving(port) as receiver, stage.serving():
        (told,) = heard(receiver)
    assert told["sub_id"] == {"format": "opaque", "id": grant}
    assert told["aud"] == office.client_id
    assert "delivered" in stage.run("signals", "list")


def heard(receiver: Receiver) -> list[dict[str, object]]:
    return [one.claims for one in receiver.wait_for(1, seconds=40)]


def listening_office(stage: Stage, endpoint: str) -> Office:
    """The usual office, which now also says where it listens."""
    office = office_of(stage)
    path = stage.folder / f"{office.organisation}.json"
    file = json.loads(path.read_text("utf-8"))
    file["clients"][0]["settings"] = {"signals_endpoint": endpoint}
    path.write_text(json.dumps(file), "utf-8")
    stage.run("organisation", "add", str(path))
    return office


def stop(stage: Stage, grant: str) -> None:
    """A citizen presses Stop; when this returns, her page says so."""
    browser = Browser(stage.issuer)
    entrance = browser.open(f"/sign-in?next=/my/grants/{grant}")
    assert isinstance(entrance, Page)
    page = browser.submit(entrance, "sign-in-persona-sanne", ("persona", "sanne"))
    assert isinstance(page, Page)
    stopped = browser.submit(page, f"stop-{grant}")
    assert isinstance(stopped, Page)
    assert stopped.url.endswith("/stopped")
    browser.close()
