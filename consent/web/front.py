"""All doors of the house, in one row: `app.py` opens them, `openapi.yaml` describes them."""

from . import (
    account,
    admission,
    assets,
    auditor,
    citizen,
    entrance,
    erasure,
    grants,
    log_check,
    oauth,
    operator,
    organisation,
    oversight,
    registration,
    signals,
    tokens,
)

HANDLERS = (
    *organisation.HANDLERS,
    *grants.HANDLERS,
    *signals.HANDLERS,
    *oauth.HANDLERS,
    *tokens.HANDLERS,
    *registration.HANDLERS,
    *oversight.HANDLERS,
    *operator.HANDLERS,
    *admission.HANDLERS,
    *account.HANDLERS,
    *auditor.HANDLERS,
    *log_check.HANDLERS,
    *entrance.HANDLERS,
    *citizen.HANDLERS,
    *erasure.HANDLERS,
    *assets.HANDLERS,
)
