"""Measures the time that a run works, without its pauses. Knows nothing of what is measured."""

from time import perf_counter


class Stopwatch:
    """A clock that runs only inside its ``with`` block and stands still between two of them."""

    def __init__(self) -> None:
        self._past = 0.0
        self._since: float | None = None

    def read(self) -> float:
        """Seconds that it ran."""
        return self._past if self._since is None else self._past + perf_counter() - self._since

    def set(self, seconds: float) -> None:
        """Let it show `seconds` now."""
        self._past = seconds
        self._since = None if self._since is None else perf_counter()

    def __enter__(self) -> None:
        self._since = perf_counter()

    def __exit__(self, *_: object) -> None:
        self._past, self._since = self.read(), None
