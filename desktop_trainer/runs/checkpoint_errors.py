"""Why a checkpoint was not loaded, in words for people."""

from __future__ import annotations

from desktop_trainer.i18n import tr


class CheckpointError(Exception):
    """A checkpoint that was not loaded; the text says what happened, why, and what to do. Nothing was changed."""


class NoCheckpoint(CheckpointError):
    """The run has none, or none of that name."""


class CheckpointIncomplete(CheckpointError):
    """It was never finished, or its manifest is missing or was changed."""


class CheckpointDamaged(CheckpointError):
    """It was finished, but is cut short or was changed since."""


class CheckpointUnreadable(CheckpointError):
    """The system does not let it be read."""


class CheckpointTooLarge(CheckpointError):
    """There is not enough memory to read it."""


class CheckpointTooNew(CheckpointError):
    """A newer version of this program wrote it."""


def incomplete(name: str) -> CheckpointIncomplete:
    """The error for a checkpoint without a whole manifest."""
    text = tr("The checkpoint {name} is not whole: saving it was interrupted, or its manifest was changed.", name=name)
    return CheckpointIncomplete(text)


def damaged(name: str, why: str) -> CheckpointDamaged:
    """The error for a checkpoint that is not what was written; `why` is a clause without a full stop."""
    return CheckpointDamaged(tr("The checkpoint {name} is damaged: {why}.", name=name, why=why))


def unreadable(name: str, error: OSError) -> CheckpointUnreadable:
    """The error for a checkpoint that the system does not give."""
    reason = error.strerror or error
    return CheckpointUnreadable(tr("The checkpoint {name} cannot be read: {reason}.", name=name, reason=reason))


def too_large(name: str, error: OSError) -> CheckpointTooLarge:
    """The error for a checkpoint for which there is no memory; `error` says how much is missing."""
    text = tr(
        "The checkpoint {name} cannot be read now: {reason}. Close other programs, then let the run go on.",
        name=name,
        reason=error.strerror,
    )
    return CheckpointTooLarge(text)


def too_new(name: str, found: int, known: int) -> CheckpointTooNew:
    """The error for a checkpoint in a format that this program does not know."""
    text = tr(
        "The checkpoint {name} is of a newer version of Desktop Trainer (format {found}; this "
        "one reads up to {known}). It was left as it is; install the newer version to go on with "
        "this run.",
        name=name,
        found=found,
        known=known,
    )
    return CheckpointTooNew(text)
