"""The experiment form: every setting with its editor."""
