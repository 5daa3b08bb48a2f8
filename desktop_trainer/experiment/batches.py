"""The batch arithmetic: how many batches an epoch has, and how large the last one is. Knows only numbers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """How `samples` are cut into batches, as ``torch.utils.data.BatchSampler`` cuts them.

    Raises:
        ValueError: if there are no samples, or the batch size is below 1.
    """

    samples: int
    batch_size: int
    drop_last: bool = False

    def __post_init__(self) -> None:
        if self.samples < 1 or self.batch_size < 1:
            raise ValueError(f"samples ({self.samples}) and batch_size ({self.batch_size}) must be at least 1.")

    @property
    def full_batches(self) -> int:
        """Batches of exactly `batch_size` samples."""
        return self.samples // self.batch_size

    @property
    def remainder(self) -> int:
        """Samples that do not fill a batch: they are the last batch, or with `drop_last` are left out."""
        return self.samples % self.batch_size

    @property
    def batches(self) -> int:
        """Batches an epoch: ``(n + b - 1) // b``, or ``n // b`` with `drop_last`."""
        return self.full_batches if self.drop_last else (self.samples + self.batch_size - 1) // self.batch_size

    @property
    def last_batch_size(self) -> int:
        """Samples in the last batch; 0 if there is no batch."""
        if self.batches == 0:
            return 0
        return self.batch_size if self.drop_last or self.remainder == 0 else self.remainder

    @property
    def left_out(self) -> int:
        """Samples of each epoch that no batch holds."""
        return self.remainder if self.drop_last else 0

    @property
    def formula(self) -> str:
        """The count as a formula with its numbers, for example ``(60000 + 256 - 1) // 256 = 235``."""
        if self.drop_last:
            return f"{self.samples} // {self.batch_size} = {self.batches}"
        return f"({self.samples} + {self.batch_size} - 1) // {self.batch_size} = {self.batches}"

    def bounds(self, batch: int) -> tuple[int, int]:
        """First and one-past-last position, in the epoch's order, of the batch with index `batch` (from 0)."""
        start = batch * self.batch_size
        return start, min(start + self.batch_size, self.samples)
