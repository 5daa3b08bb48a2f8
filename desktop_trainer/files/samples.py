"""Samples that stay in a file and are read when they are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desktop_trainer.files.errors import DataGone, readable
from desktop_trainer.i18n import tr

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class FileSamples:
    """Images that lie one behind the other in a file, as bytes; see `Samples`.

    The file is opened for each batch: kept open or mapped, it would hide that it has gone, and a mapped file that
    shrinks ends the process.

    Attributes:
        offset: the byte at which the image in row 0 begins.
        shape: channels, height, width.
        labels: int64 ``(n,)``, one a sample.
        rows: int64 ``(n,)``: which image of the file each sample is; None if they are the same.
    """

    path: Path
    offset: int
    shape: tuple[int, int, int]
    labels: NDArray[np.int64]
    rows: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, indices: Sequence[int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """See `Samples.read`.

        Raises:
            DataGone: if the file is no longer there, or shorter than it was.
        """
        import numpy as np

        chosen = np.asarray(indices, np.int64)
        images = np.empty((len(chosen), *self.shape), np.uint8)
        try:
            with self.path.open("rb", buffering=0) as file:
                for row, image in zip(chosen if self.rows is None else self.rows[chosen], images, strict=True):
                    file.seek(self.offset + int(row) * image.nbytes)
                    if not _filled(file, image):
                        raise DataGone(gone(self.path, tr("it has become shorter")))
        except OSError as error:
            raise DataGone(gone(self.path, error.strerror or str(error))) from error
        return images, self.labels[chosen]


def _filled(file: Any, image: NDArray[np.uint8]) -> bool:
    """Read the image; a signal or a network may give it in pieces."""
    view = image.data.cast("B")
    while len(view) and (count := file.readinto(view)):
        view = view[count:]
    return not len(view)


def gone(path: Path, why: str) -> str:
    """What to tell a person when `path`, which was there before, cannot be read."""
    return tr(
        "{file} can no longer be read: {why}. Was it moved, or its disk removed? Put it back, then continue the run.",
        file=readable(path),
        why=why,
    )
