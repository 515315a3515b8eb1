"""The log: entries that look random, a tree over them, and what an outsider needs to check both. Pure.

`entry` makes a leaf and what opens it, `record` says what an auditor reads, `tree` and `tiles` hash and
store, `checkpoint` signs, `proof` is what leaves the house. The bytes are described in
docs/reference/ledger.md.
"""
