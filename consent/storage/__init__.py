"""The cellar: the only SQL. `store.py` is the contract, `book.py` what one batch reads and writes."""
