"""The user's own images: a folder with a folder for each class. Knows how it is laid out, not how it is scanned or decoded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import field_validator

from desktop_trainer.catalog.errors import DataDamaged
from desktop_trainer.catalog.folder_scan import FolderUnusable, Listing, being_counted, listing
from desktop_trainer.experiment.choices import DATASETS, DataInfo, DatasetChoice, Preparing, Samples, Source
from desktop_trainer.experiment.network import FolderPath
from desktop_trainer.experiment.section import setting
from desktop_trainer.i18n import mark, tr, trn

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from desktop_trainer.catalog.decoded_cache import Decoded

_NAMED = 10
"""Images that a notice names; the rest is counted."""


@DATASETS.register
class ImageFolder(DatasetChoice):
    """Class folders as ``torchvision.datasets.ImageFolder`` reads them, with or without ``train`` and ``test`` around."""

    name: Literal["image_folder"] = "image_folder"
    label: ClassVar[str] = mark("Folder of images")
    explanation: ClassVar[str] = mark(
        "Your own images: a folder with one folder for each class, and perhaps train and test folders around these."
    )
    counts_files: ClassVar[bool] = True

    folder: FolderPath = setting(
        "",
        mark("Folder"),
        mark(
            "The folder of the images. In it there is one folder for each class, named for the class: cat, dog. Or there are "
            "the folders train and test (or val) with these class folders in each."
        ),
        max_length=4096,
    )
    size: int = setting(
        64,
        mark("Size of images"),
        mark(
            "Every image is made a square of this height and width: its short side is scaled, and the middle is taken. "
            "Larger shows more detail, takes longer and needs more memory. Usual: 64 to 224."
        ),
        unit=mark("pixels"),
        ge=1,
        le=512,
    )
    test_share: float = setting(
        0.2,
        mark("Share for the test"),
        mark(
            "Where there is no test folder, this share of each class examines and does not teach. A larger share measures "
            "more exactly and leaves less to learn from. Which images these are follows from their names. Usual: 0.1 to 0.3."
        ),
        ge=0.01,
        le=0.9,
    )

    @field_validator("folder")
    @classmethod
    def _absolute(cls, folder: str) -> str:
        """A relative path is meant from here; the run may be continued elsewhere."""
        kept = not folder or folder.startswith("~") or "\0" in folder
        if kept or PurePosixPath(folder).is_absolute() or PureWindowsPath(folder).is_absolute():
            return folder
        return str(Path(folder).absolute())

    def info(self) -> DataInfo:
        """See `DatasetChoice.info`. Images are counted by their names; those that cannot be read show when they are."""
        return _info(listing(self._root(), self.test_share), self.size, ())

    def counting(self) -> bool:
        """See `DatasetChoice.counting`."""
        return bool(self.folder) and being_counted(self._root(), self.test_share)

    def load(self, root: Path, *, train: bool) -> tuple[Tensor, Tensor]:
        """See `DatasetChoice.load`."""
        return self._source(root).load(train=train)

    def open(self, root: Path, *, train: bool) -> Samples:
        """See `DatasetChoice.open`."""
        return self._source(root).open(train=train)

    def prepare(self, root: Path) -> Generator[Preparing, None, Source]:  # noqa: ARG002
        """See `DatasetChoice.prepare`: every image is decoded once, and kept in the cache if there is room.

        Raises:
            FolderUnusable, DataDamaged, DataGone: see `listing` and `decoded`.
        """
        from desktop_trainer.catalog.decoded_cache import decoded

        yield Preparing(tr("Looking for images in {folder}", folder=self.folder), 0, 1)
        found = listing(self._root(), self.test_share, anew=True)
        source = _DecodedFolder(found, self.size, (yield from decoded(found, self.size)))
        if not source.info.train_samples or not source.info.test_samples:
            raise DataDamaged("\n".join([tr("No image is left to learn from, or none for the test."), *source.notices]))
        return source

    def _source(self, root: Path) -> Source:
        steps = self.prepare(root)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                source: Source = end.value
                return source

    def _root(self) -> Path:
        if not self.folder:
            raise FolderUnusable(tr("Choose the folder that holds the images, with one folder for each class."))
        try:
            return Path(self.folder).expanduser()
        except RuntimeError as error:
            raise FolderUnusable(
                tr("There is no folder {folder}: {error}.", folder=self.folder, error=error)
            ) from error


def _info(found: Listing, size: int, without: tuple[str, ...] | dict[str, str]) -> DataInfo:
    if not without:
        return DataInfo(len(found.paths) - sum(found.tests), sum(found.tests), 3, size, size, found.class_names)
    tests = sum(test for path, test in zip(found.paths, found.tests, strict=True) if path not in without)
    return DataInfo(len(found.paths) - len(without) - tests, tests, 3, size, size, found.class_names)


@dataclass(frozen=True, slots=True, eq=False)
class _DecodedFolder:
    """The `Source` of images that have all been decoded once."""

    found: Listing
    size: int
    decoded: Decoded

    @property
    def info(self) -> DataInfo:
        return replace(_info(self.found, self.size, self.decoded.skipped), fingerprint=self.decoded.fingerprint)

    @property
    def notices(self) -> tuple[str, ...]:
        return tuple(filter(None, (self._skipped(), self._ignored(), self._uncached())))

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        import torch

        samples = self.open(train=train)
        images, labels = samples.read(range(len(samples)))
        return torch.from_numpy(images), torch.from_numpy(labels)

    def open(self, *, train: bool) -> Samples:
        import numpy as np

        from desktop_trainer.catalog.decoding import CachedSamples, ImageSamples
        from desktop_trainer.catalog.samples import FileSamples

        found, kept = self.found, self.decoded
        rows = [
            row
            for row, (path, test) in enumerate(zip(found.paths, found.tests, strict=True))
            if test is not train and path not in kept.skipped
        ]
        labels = np.array([found.labels[row] for row in rows], np.int64)
        images = ImageSamples(found.root, [found.paths[row] for row in rows], labels, self.size)
        if kept.images is None:
            return images
        shape = (3, self.size, self.size)
        return CachedSamples(FileSamples(kept.images, kept.offset, shape, labels, np.array(rows, np.int64)), images)

    def _skipped(self) -> str:
        from desktop_trainer.catalog.folder_decoding import bad_images

        skipped = self.decoded.skipped
        if not skipped:
            return ""
        head = trn(
            "{n} of {total} images cannot be read and is left out; it is listed in {file}:",
            "{n} of {total} images cannot be read and are left out; they are listed in {file}:",
            len(skipped), total=len(self.found.paths), file=self.decoded.index,
        )  # fmt: skip
        return "\n".join([head, *bad_images(self.found.root, skipped)])

    def _ignored(self) -> str:
        others = self.found.others
        if not others:
            return ""
        kinds = ", ".join(f"{ending} ({count})" for ending, count in list(others.items())[:_NAMED])
        return tr("Left out, because these are not images by their names: {kinds}", kinds=kinds)

    def _uncached(self) -> str:
        if self.decoded.images is not None:
            return ""
        return tr("There is no room on the disk to keep the decoded images: they are decoded again each time they are read.")  # fmt: skip
