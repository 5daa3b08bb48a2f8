"""What can become of a run, in words for people. Knows no run."""

from desktop_trainer.i18n import mark, tr

OUTCOMES = {
    "new": mark("New"),
    "running": mark("Running"),
    "completed": mark("Completed"),
    "early_stopped": mark("Stopped early"),
    "stopped": mark("Stopped"),
    "interrupted": mark("Interrupted"),
    "diverged": mark("Diverged"),
    "failed": mark("Failed"),
}
"""From the one that has everything before it to the one that went wrong."""


def outcome_text(outcome: str) -> str:
    """What became of a run, in the current language."""
    return tr(OUTCOMES[outcome]) if outcome in OUTCOMES else outcome
