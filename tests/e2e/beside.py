"""Services in this process, beside the one that all tests share: with another clock, or other settings."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from consent.app import build
from consent.seed import SHIPPED
from consent.settings import Settings
from tests.acts.provider import CLIENT, SECRET, providing
from tests.conftest import free_port


@contextlib.contextmanager
def serving(app: Any, port: int) -> Iterator[None]:
    """Serve *app* from a thread, until the end."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            thread.join(0.02)
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextlib.contextmanager
def with_broker(folder: Path) -> Iterator[str]:
    """A service where people may sign in at a broker as well, with its data in *folder*; its address."""
    secret = folder / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    with providing() as provider:
        settings = Settings(
            data=str(folder / "brokered"),
            port=free_port(),
            sandbox=True,
            seed=str(SHIPPED),
            broker_issuer=provider.issuer,
            broker_client=CLIENT,
            broker_secret_file=str(secret),
            broker_name="Voorbeeldlogin",
        )
        with serving(build(settings), settings.port):
            yield settings.public_issuer
