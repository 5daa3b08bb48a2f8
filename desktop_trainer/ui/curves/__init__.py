"""The curves, live and of other runs."""
