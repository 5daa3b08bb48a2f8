"""Measures the time that a run works, without its pauses. Knows nothing of what is measured."""

from time import perf_counter


class Stopwatch:
    """A clock that can stand still."""

    def __init__(self) -> None:
        self._past, self._since = 0.0, perf_counter()

    def read(self) -> float:
        """Seconds that it ran."""
        return self._past + perf_counter() - self._since

    def hold(self) -> None:
        """Stand still until `go`."""
        self._past = self.read()

    def go(self, past: float | None = None) -> None:
        """Run on from where `hold` left it, or from `past` seconds."""
        self._past = self._past if past is None else past
        self._since = perf_counter()
