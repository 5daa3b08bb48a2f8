"""The bundled handwritten digits: real data that needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from desktop_trainer.experiment.choices import DATASETS, DatasetChoice
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.i18n import mark

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

_TRAIN, _TEST = 1500, 297


@DATASETS.register
class Digits(DatasetChoice):
    """UCI's "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, 1998): 1797 images of 8 x 8 pixels.

    scikit-learn's copy has no division of its own: 297 samples, spread evenly over the classes and always the same,
    are the test set.
    """

    name: Literal["digits"] = "digits"
    label: ClassVar[str] = mark("Handwritten digits (bundled)")
    explanation: ClassVar[str] = mark(
        "1797 real handwritten digits of 8 x 8 pixels. They come with the program: no download."
    )

    def info(self) -> DataInfo:
        """1500 training and 297 test images, 1 x 8 x 8, classes 0 to 9."""
        return DataInfo(_TRAIN, _TEST, 1, 8, 8, tuple("0123456789"))

    def load(self, root: Path, *, train: bool) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """See `DatasetChoice.load`. The 17 grey levels 0 to 16 are spread over 0 to 255."""
        import torch
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        images, labels = load_digits(return_X_y=True)
        split = train_test_split(images, labels, test_size=_TEST, random_state=0, stratify=labels)
        chosen, classes = (split[0], split[2]) if train else (split[1], split[3])
        pixels = torch.from_numpy(chosen).mul(255 / 16).round().to(torch.uint8)
        return pixels.reshape(-1, 1, 8, 8), torch.from_numpy(classes).to(torch.int64)
