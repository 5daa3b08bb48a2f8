"""The training that is going on: its state, its controls, its end."""
