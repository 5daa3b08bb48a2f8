"""What is said of data, and how they are handed over, before anything is known of who asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class DataInfo:
    """What is known of a dataset before it is loaded. Images are `channels` x `height` x `width`.

    Attributes:
        fingerprint: what other samples, labels or splits would change, whatever the size of the images; known once the
            files have been read, and empty where they are always the same.
        class_counts: training and test samples of each class; empty where they are not counted.
    """

    train_samples: int
    test_samples: int
    channels: int
    height: int
    width: int
    class_names: tuple[str, ...]
    fingerprint: str = ""
    class_counts: tuple[tuple[int, int], ...] = ()

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @property
    def sample_bytes(self) -> int:
        """Memory that a sample takes: a byte for each pixel and channel, eight for the label."""
        return self.channels * self.height * self.width + 8

    def resized(self, size: int) -> DataInfo:
        """The same with square images of `size` pixels; 0 leaves them as they are."""
        return replace(self, height=size, width=size) if size else self


class DataUnknown(Exception):
    """The files that a dataset should be made of are not as they must be; the text says why, and what to do.

    Attributes:
        option: the option of the dataset that names the files.
    """

    option = "folder"


@dataclass(frozen=True, slots=True)
class Preparing:
    """Something slow is done to the files of a dataset: `done` of `total`, described by `what` (in the current
    language).
    """

    what: str
    done: int
    total: int


class Samples(Protocol):
    """Samples that are read some at a time. It can be pickled, because it is sent to the processes that read."""

    def __len__(self) -> int: ...

    def read(self, indices: Sequence[int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Images ``(n, channels, height, width)`` and labels ``(n,)`` of these samples, in this order."""


class Source(Protocol):
    """A dataset whose files are ready to be read.

    Attributes:
        info: what is known of it. Where files were looked at, they counted.
        notices: sentences for people about what is not as they might expect.
    """

    @property
    def info(self) -> DataInfo: ...

    @property
    def notices(self) -> tuple[str, ...]: ...

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        """See `DatasetChoice.load`."""

    def open(self, *, train: bool) -> Samples:
        """See `DatasetChoice.open`."""


@dataclass(frozen=True, slots=True, eq=False)
class LoadedSamples:
    """The `Samples` of a split that could only be read whole: uint8 ``(n, channels, height, width)``, int64
    ``(n,)``.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, indices: Sequence[int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """See `Samples.read`."""
        chosen = list(indices)
        return self.images[chosen].numpy(), self.labels[chosen].numpy()
