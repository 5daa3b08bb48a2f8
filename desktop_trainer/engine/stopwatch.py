"""Measures the time that a run works, without its pauses."""

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


class RunClock(Stopwatch):
    """A run's clock, which also knows when the epoch began and when it was last trained."""

    def __init__(self) -> None:
        super().__init__()
        self._began = self._trained = 0.0

    @property
    def times(self) -> tuple[float, float, float]:
        """Seconds: that the run worked, until its epoch began, and until that was last trained."""
        return self.read(), self._began, self._trained

    @times.setter
    def times(self, times: tuple[float, float, float]) -> None:
        seconds, self._began, self._trained = times
        self.set(seconds)

    def note_trained(self) -> None:
        """A batch of the epoch has been trained."""
        self._trained = self.read()

    @property
    def training_seconds(self) -> float:
        """What the training of this epoch took until its last batch; never 0."""
        return max(self._trained - self._began, 1e-9)

    def next_epoch(self) -> float:
        """Begin another epoch; returns the seconds that this one took."""
        before, self._began = self._began, self.read()
        return self._began - before
