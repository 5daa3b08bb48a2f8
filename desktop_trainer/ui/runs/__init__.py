"""The past runs: their table and what can be done with them."""
