"""The window: all Qt is here and nowhere else."""
