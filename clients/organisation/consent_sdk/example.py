"""A tiny web site of an organisation, to see the whole story: ask, receive, use, and hear no after a stop.

    python -m consent_sdk.example --issuer http://localhost:8000 --client housing-web --key key.pem \\
        --purpose housing-benefit --attributes "full_name=Uw naam,yearly_income=Uw inkomen" --template home --port 8081

Only for a demonstration on one machine: it listens on the loopback address, keeps visitors in memory and
writes no log. The site is in `example_site.py`, its page in `example_pages.py`.
"""

import argparse
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from .example_site import Site
from .example_visit import Plan
from .organisation import Organisation
from .store import FileStore, MemoryStore


def read_attributes(text: str) -> dict[str, str]:
    """Read `name,other=other words` to names and the words for them on the page."""
    pairs = [one.strip().partition("=") for one in text.split(",") if one.strip()]
    return {name: words or name.replace("_", " ") for name, _, words in pairs}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the site until it is interrupted. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m consent_sdk.example", description="An example site.")
    parser.add_argument(
        "--issuer", required=True, help="the consent service, for example http://localhost:8000"
    )
    parser.add_argument("--client", required=True, help="the client id")
    parser.add_argument(
        "--key", required=True, type=Path, help="file with the client's private key (PEM or JWK)"
    )
    parser.add_argument("--purpose", required=True)
    parser.add_argument("--purpose-version", type=int, default=1)
    parser.add_argument(
        "--attributes",
        required=True,
        help="names with commas between them; name=words for other words on the page",
    )
    parser.add_argument("--days", type=int, default=90, help="how long the permission should last")
    parser.add_argument("--template", help="the because-sentence to use; without it no use is registered")
    parser.add_argument("--name", default="Voorbeeldorganisatie", help="the name on the page")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument(
        "--store", type=Path, help="file to remember pins and checkpoints in; default: memory"
    )
    given = parser.parse_args(arguments)
    plan = Plan(
        name=given.name,
        issuer=given.issuer,
        purpose=given.purpose,
        purpose_version=given.purpose_version,
        attributes=read_attributes(given.attributes),
        duration_days=given.days,
        template=given.template,
    )
    try:
        org = Organisation(
            given.issuer,
            given.client,
            given.key.read_bytes(),
            f"http://127.0.0.1:{given.port}/callback",
            FileStore(given.store) if given.store else MemoryStore(),
        )
        site = Site(org, plan, port=given.port)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"The site cannot start: {error}\n")
        return 1
    site.start()
    sys.stdout.write(f"{plan.name}: {site.url}\n")
    sys.stdout.flush()
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        site.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
