"""For organisations: ask a citizen for personal data, receive it with a proof, and check that proof.

Organisation  the acts: ask, receive, fetch, fetch_many, use, grant, amend, renew, end_grant, revoke_tokens, and the
              answers receiver, acknowledge, state_deletion, account, demands
Account, OwnGrant, DayOfUse, PurposeState   what you have at the service, and how you used it
Ask, Arrangement, Disclosure, Attribute, Use, GrantStatus   what they give you
Wanted, Fetched   an item of many, and what came of it
Demands, Demand, Reply, Misgiving   what citizens ask of you, and what felt wrong to them
Signal, SignalReceiver, signals_app   hearing what happens to your permissions
Store, MemoryStore, FileStore   what must not be forgotten
ConsentError and below   what can go wrong
"""

from .account import Account, DayOfUse, OwnGrant, PurposeState
from .answers import Arrangement, Ask, Attribute, Disclosure, Entry, GrantStatus, Opening, Use
from .batch import Fetched, Wanted
from .demands import Demand, Demands, Misgiving, Reply
from .errors import (
    ConsentError,
    Declined,
    Forked,
    ProofError,
    ProtocolError,
    Refused,
    StepUpNeeded,
    Unreachable,
)
from .organisation import Organisation
from .secret import Secret
from .signals import Signal, SignalAnswer, SignalReceiver, signals_app
from .store import FileStore, MemoryStore, Store

__all__ = [
    "Account",
    "Arrangement",
    "Ask",
    "Attribute",
    "ConsentError",
    "DayOfUse",
    "Declined",
    "Demand",
    "Demands",
    "Disclosure",
    "Entry",
    "Fetched",
    "FileStore",
    "Forked",
    "GrantStatus",
    "MemoryStore",
    "Misgiving",
    "Opening",
    "Organisation",
    "OwnGrant",
    "ProofError",
    "ProtocolError",
    "PurposeState",
    "Refused",
    "Reply",
    "Secret",
    "Signal",
    "SignalAnswer",
    "SignalReceiver",
    "StepUpNeeded",
    "Store",
    "Unreachable",
    "Use",
    "Wanted",
    "signals_app",
]
