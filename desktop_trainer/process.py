"""What this process is set to, once, before it has threads and torch. Knows what the settings are for, not what is trained."""

import signal

from desktop_trainer.malloc import keep_freed
from desktop_trainer.openmp import limit_spinning


def prepare() -> None:
    """Let training be fast here, as far as the user has not decided otherwise. Called again, it changes nothing more."""
    limit_spinning()
    keep_freed()


def stop_signals() -> list[signal.Signals]:
    """Those that ask this process to end: Ctrl-C, a polite kill, and the closing of its terminal, which ``nohup`` ignores."""
    asks = [number for number in signal.Signals if number.name in ("SIGINT", "SIGTERM", "SIGHUP")]
    return [number for number in asks if number.name != "SIGHUP" or signal.getsignal(number) is not signal.SIG_IGN]
