"""Classic image datasets, read by torchvision from the folders that it lays out. Knows files, sizes and class names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from desktop_trainer.catalog.errors import DataDamaged, DataMissing
from desktop_trainer.experiment.choices import DATASETS, DataInfo, DatasetChoice
from desktop_trainer.i18n import mark, tr

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

_DIGITS = tuple("0123456789")


class _TorchvisionDataset(DatasetChoice):
    reader: ClassVar[str]
    """The class in ``torchvision.datasets``."""
    counts: ClassVar[DataInfo]

    def info(self) -> DataInfo:
        """What is published of the dataset."""
        return self.counts

    def load(self, root: Path, *, train: bool) -> tuple[Tensor, Tensor]:
        """See `DatasetChoice.load`."""
        import torch
        from torchvision import datasets

        if not self.present(root):
            raise DataMissing(tr("{dataset} is not in {folder}.", dataset=tr(self.label), folder=root))
        try:
            data: Any = getattr(datasets, self.reader)(root=root, train=train)
        except (RuntimeError, OSError, ValueError, EOFError) as error:
            raise DataDamaged(
                tr("{dataset} in {folder} cannot be read: {error}", dataset=tr(self.label), folder=root, error=error)
            ) from error
        images = torch.as_tensor(data.data)
        images = images.unsqueeze(1) if images.ndim == 3 else images.permute(0, 3, 1, 2).contiguous()
        return images, torch.as_tensor(data.targets, dtype=torch.int64)


@DATASETS.register
class FashionMNIST(_TorchvisionDataset):
    """Xiao, Rasul and Vollgraf, 2017, arXiv:1708.07747."""

    name: Literal["fashion_mnist"] = "fashion_mnist"
    label: ClassVar[str] = "Fashion-MNIST"
    explanation: ClassVar[str] = mark("70 000 grey images of clothes, 28 x 28 pixels, ten classes.")
    reader: ClassVar[str] = "FashionMNIST"
    counts: ClassVar[DataInfo] = DataInfo(
        60_000, 10_000, 1, 28, 28,
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    )  # fmt: skip


@DATASETS.register
class MNIST(_TorchvisionDataset):
    """LeCun, Cortes and Burges, 1998."""

    name: Literal["mnist"] = "mnist"
    label: ClassVar[str] = "MNIST"
    explanation: ClassVar[str] = mark("70 000 handwritten digits, 28 x 28 pixels.")
    reader: ClassVar[str] = "MNIST"
    counts: ClassVar[DataInfo] = DataInfo(60_000, 10_000, 1, 28, 28, _DIGITS)
