"""The user's own images: a folder with a folder for each class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import field_validator

from desktop_trainer.experiment.choices import DATASETS, DatasetChoice
from desktop_trainer.experiment.data import DataInfo, Preparing, Samples, Source
from desktop_trainer.experiment.network import FolderPath
from desktop_trainer.experiment.section import setting
from desktop_trainer.files.errors import DataDamaged, readable
from desktop_trainer.files.folder_scan import FolderUnusable, Listing, being_counted, list_images, listing
from desktop_trainer.i18n import mark, tr, trn

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from desktop_trainer.files.decoded_cache import Decoded

_NAMED = 10
"""Images that a notice names; the rest is counted."""


@DATASETS.register
class ImageFolder(DatasetChoice):
    """Class folders as ``torchvision.datasets.ImageFolder`` reads them, with or without ``train`` and ``test``
    around.
    """

    name: Literal["image_folder"] = "image_folder"
    label: ClassVar[str] = mark("Folder of images")
    explanation: ClassVar[str] = mark(
        "Your own images: a folder with one folder for each class, and perhaps train and test folders around these."
    )
    counts_files: ClassVar[bool] = True
    usual_size: ClassVar[int] = 64

    folder: FolderPath = setting(
        "",
        mark("Folder"),
        mark(
            "The folder of the images. In it there is one folder for each class, named for the "
            "class: cat, dog. Or there are "
            "the folders train and test (or val) with these class folders in each."
        ),
        max_length=4096,
        fixed=False,  # it may have been moved; the images are told by their fingerprint
        editor="folder",
    )
    channels: Literal["auto", "colour", "grey"] = setting(
        "auto",
        mark("Colours"),
        mark(
            "How many numbers a pixel has. colour: three, red, green and blue, equal ones in grey "
            "images. grey: one, and "
            "colours become shades of grey. auto: grey if every image is stored as a grey one, else colour."
        ),
    )
    size: int = setting(
        0,
        mark("First size"),
        mark(
            "Earlier versions made every image this size first, and then of the image size. Runs and "
            "models of theirs go on "
            "with it. 0, which is usual, makes it of the image size at once."
        ),
        unit=mark("pixels"),
        advanced=True,
        retired=True,
        ge=0,
        le=512,
    )
    test_share: float = setting(
        0.2,
        mark("Share for the test"),
        mark(
            "Where there is no test folder, this share of each class examines and does not teach. A "
            "larger share measures "
            "more exactly and leaves less to learn from. Which images these are follows from their "
            "names. Usual: 0.1 to 0.3."
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

    @classmethod
    def upgraded(cls, data: dict[str, Any]) -> dict[str, Any]:
        """See `DatasetChoice.upgraded`. There were a size of this dataset's own beside the image size, and three
        channels.
        """
        options = data["dataset"]
        if "size" not in options or "channels" in options:
            return data
        size, image_size = options["size"], data.get("image_size", 0)
        if image_size in (0, size):
            size, image_size = 0, size
        return {**data, "image_size": image_size, "dataset": {**options, "size": size, "channels": "colour"}}

    def info(self) -> DataInfo:
        """See `DatasetChoice.info`. Images are counted by their names; those that cannot be read show when they are."""
        return self._info(self._listing())

    def count(self) -> Generator[Preparing, None, DataInfo]:
        """See `DatasetChoice.count`."""
        return self._info((yield from list_images(self._root(), self.test_share, anew=True)))

    def as_read(self, image_size: int) -> DataInfo:
        """See `DatasetChoice.as_read`."""
        return self._info(self._listing(), image_size)

    def settled(self, channels: int) -> Self:
        """See `DatasetChoice.settled`."""
        return self.model_copy(update={"channels": "grey" if channels == 1 else "colour"})

    def settled_as(self, other: DatasetChoice) -> Self:
        """See `DatasetChoice.settled_as`."""
        if self.channels != "auto" or not isinstance(other, ImageFolder):
            return self
        return self.model_copy(update={"channels": other.channels})

    def stored(self) -> str:
        """See `DatasetChoice.stored`: of some of the images."""
        sizes = self._listing().headers.sizes
        if not sizes:
            return tr("of unknown size")
        size = f"{sizes[0][0]} x {sizes[0][1]}"
        return size if len(sizes) == 1 else tr("{size} and other sizes", size=size)

    def without_effect(self) -> Mapping[str, str]:
        """See `DatasetChoice.without_effect`."""
        folder = self._listing().test_folder
        return (
            {
                "test_share": tr(
                    "Without effect: the images in the folder {folder} are for the test.", folder=readable(folder)
                )
            }
            if folder
            else {}
        )

    def counting(self) -> bool:
        """See `DatasetChoice.counting`."""
        return bool(self.folder) and being_counted(self._root(), self.test_share)

    def load(self, root: Path, *, train: bool) -> tuple[Tensor, Tensor]:
        """See `DatasetChoice.load`."""
        return self._source(root).load(train=train)

    def open(self, root: Path, *, train: bool) -> Samples:
        """See `DatasetChoice.open`."""
        return self._source(root).open(train=train)

    def prepare(self, root: Path, image_size: int = 0) -> Generator[Preparing, None, Source]:  # noqa: ARG002
        """See `DatasetChoice.prepare`: every image is decoded once, and kept in the cache if there is room.

        It is made a square: its short side is scaled, and the middle is taken.

        Raises:
            FolderUnusable, DataDamaged, DataGone: see `listing` and `decoded`.
        """
        from desktop_trainer.files.decoded_cache import decoded

        found = yield from list_images(self._root(), self.test_share)
        info = self._info(found, image_size)
        source = _DecodedFolder(found, info, (yield from decoded(found, info.height, info.channels)))
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

    def _listing(self) -> Listing:
        return listing(self._root(), self.test_share)

    def _info(self, found: Listing, image_size: int = 0) -> DataInfo:
        grey = found.headers.grey if self.channels == "auto" else self.channels == "grey"
        size = self.size or image_size or self.usual_size
        counts = _counted(found, {})
        train, test = map(sum, zip(*counts, strict=True))
        return DataInfo(train, test, 1 if grey else 3, size, size, found.class_names, class_counts=counts)

    def _root(self) -> Path:
        if not self.folder:
            raise FolderUnusable(tr("Choose the folder that holds the images, with one folder for each class."))
        try:
            return Path(self.folder).expanduser()
        except RuntimeError as error:
            raise FolderUnusable(
                tr("There is no folder {folder}: {error}.", folder=self.folder, error=error)
            ) from error


def _counted(found: Listing, without: Mapping[str, str]) -> tuple[tuple[int, int], ...]:
    """Training and test images of each class, but those that are named."""
    counts = Counter(
        (label, test)
        for path, label, test in zip(found.paths, found.labels, found.tests, strict=True)
        if path not in without
    )
    return tuple((counts[label, False], counts[label, True]) for label in range(len(found.class_names)))


@dataclass(frozen=True, slots=True, eq=False)
class _DecodedFolder:
    """The `Source` of images that have all been decoded once."""

    found: Listing
    counted: DataInfo
    decoded: Decoded

    @property
    def info(self) -> DataInfo:
        counts = _counted(self.found, self.decoded.skipped)
        train, test = map(sum, zip(*counts, strict=True))
        return replace(
            self.counted,
            train_samples=train,
            test_samples=test,
            class_counts=counts,
            fingerprint=self.decoded.fingerprint,
        )

    @property
    def notices(self) -> tuple[str, ...]:
        return tuple(
            filter(None, (self._skipped(), self._left_out(), self._ignored(), self._scaled(), self._uncached()))
        )

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        import torch

        samples = self.open(train=train)
        images, labels = samples.read(range(len(samples)))
        return torch.from_numpy(images), torch.from_numpy(labels)

    def open(self, *, train: bool) -> Samples:
        import numpy as np

        from desktop_trainer.files.decoding import CachedSamples, ImageSamples
        from desktop_trainer.files.samples import FileSamples

        found, kept = self.found, self.decoded
        rows = [
            row
            for row, (path, test) in enumerate(zip(found.paths, found.tests, strict=True))
            if test is not train and path not in kept.skipped
        ]
        labels = np.array([found.labels[row] for row in rows], np.int64)
        images = ImageSamples(found.root, [found.paths[row] for row in rows], labels, kept.shape)
        if kept.images is None:
            return images
        return CachedSamples(
            FileSamples(kept.images, kept.offset, kept.shape.dimensions, labels, np.array(rows, np.int64)), images
        )

    def _skipped(self) -> str:
        from desktop_trainer.files.folder_decoding import bad_images

        skipped = self.decoded.skipped
        if not skipped:
            return ""
        head = trn(
            "{n} of {total} images cannot be read and is left out; it is listed in {file}:",
            "{n} of {total} images cannot be read and are left out; they are listed in {file}:",
            len(skipped),
            total=len(self.found.paths),
            file=self.decoded.index,
        )
        return "\n".join([head, *bad_images(self.found.root, skipped)])

    def _ignored(self) -> str:
        others = self.found.others
        if not others:
            return ""
        kinds = ", ".join(f"{ending} ({count})" for ending, count in list(others.items())[:_NAMED])
        return tr("Left out, because these are not images by their names: {kinds}", kinds=kinds)

    def _left_out(self) -> str:
        left_out = self.found.left_out
        if not left_out:
            return ""
        lines = [
            trn("{n} thing in the folder does not count:", "{n} things in the folder do not count:", len(left_out))
        ]
        lines += [
            tr("{path}: {why}", path=readable(name), why=tr(why)) for name, why in islice(left_out.items(), _NAMED)
        ]
        if len(left_out) > _NAMED:
            lines.append(tr("… and {count} more", count=len(left_out) - _NAMED))
        return "\n".join(lines)

    def _scaled(self) -> str:
        if (extent := self.decoded.shape.extent) is None:
            return ""
        black, white = extent
        return tr(
            "Some images hold numbers whose files do not say what is black and white: {black:g} is "
            "taken as black and {white:g} as white, in all of them.",
            black=black,
            white=white,
        )

    def _uncached(self) -> str:
        if self.decoded.images is not None:
            return ""
        return tr(
            "There is no room on the disk to keep the decoded images: they are decoded again each time they are read."
        )
