"""What this process is set to, once, before it has threads and torch. Knows what the settings are for, not what is trained."""

from desktop_trainer.malloc import keep_freed
from desktop_trainer.openmp import limit_spinning


def prepare() -> None:
    """Let training be fast here, as far as the user has not decided otherwise. Called again, it changes nothing more."""
    limit_spinning()
    keep_freed()
