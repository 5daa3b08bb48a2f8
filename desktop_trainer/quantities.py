"""Numbers for people: how long something took, and figures such as a loss."""

from desktop_trainer.i18n import tr


def duration(seconds: float) -> str:
    """A time for people: ``0.13 s``, ``2.6 s``, ``42 s``, ``12:05`` or ``3:07:09``."""
    if seconds < 59.5:
        places = 2 if seconds < 0.995 else 1 if seconds < 9.95 else 0
        return tr("{seconds} s", seconds=f"{seconds:.{places}f}")
    return _clock(seconds)


def clock(seconds: float) -> str:
    """A place on a scale of seconds: as `duration` from a minute on, below it the seconds as they are, ``7.5``."""
    return f"{seconds:g}" if abs(seconds) < 60 else _clock(seconds)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def figure(number: float) -> str:
    """A loss or another figure with four places; one that is very large as a power of ten, ``3.2e+31``."""
    return f"{number:.1e}" if 1e5 <= abs(number) < float("inf") else f"{number:.4f}"
