"""What can become of a run, in words for people."""

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


def state_text(outcome: str, save_failed: str) -> str:
    """What became of the run, and whether its end was not saved: then `save_failed` says why."""
    state = outcome_text(outcome)
    return tr("{state}, not saved", state=state) if save_failed else state
