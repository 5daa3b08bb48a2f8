"""Classic image datasets, in the folders that torchvision lays out."""

from __future__ import annotations

from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from desktop_trainer.experiment.choices import DATASETS, DatasetChoice
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.experiment.remote import Remote, RemoteFile
from desktop_trainer.files.errors import DataDamaged, DataMissing, way_without_network
from desktop_trainer.i18n import mark, tr

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from desktop_trainer.files.samples import FileSamples

_DIGITS = tuple("0123456789")
_UNREADABLE = (RuntimeError, OSError, ValueError, TypeError, KeyError, AssertionError, EOFError, UnpicklingError)
"""What torchvision's readers raise over a file that is not what they expect."""


class _TorchvisionDataset(DatasetChoice):
    reader: ClassVar[str]
    """The class in ``torchvision.datasets``."""
    counts: ClassVar[DataInfo]
    remote: ClassVar[Remote]

    def info(self) -> DataInfo:
        """What is published of the dataset."""
        return self.counts

    def present(self, root: Path) -> bool:
        """See `DatasetChoice.present`. Looks at names and sizes only."""
        return not self._missing(root) and not self._cut(root)

    def load(self, root: Path, *, train: bool) -> tuple[Tensor, Tensor]:
        """See `DatasetChoice.load`."""
        from torchvision import datasets

        self._check_files(root)
        try:
            data: Any = getattr(datasets, self.reader)(root=root, train=train)
        except _UNREADABLE as error:
            why = str(error) or type(error).__name__
            raise self._damaged(self._suspects(root, train=train), why) from error
        return self._checked(data, self._suspects(root, train=train), train=train)

    def _check_files(self, root: Path) -> None:
        """Raise `DataMissing` or `DataDamaged` if files are not there, or not of their size."""
        if missing := self._missing(root):
            raise DataMissing(self._missing_text(root, missing))
        if cut := self._cut(root):
            sizes = {"found": cut[0].stat().st_size, "wanted": self._files(root)[cut[0]]}
            raise self._damaged(cut[:1], tr("it has {found} bytes instead of {wanted}", **sizes))

    def _checked(self, data: Any, files: list[Path], *, train: bool) -> tuple[Tensor, Tensor]:
        """Images and labels of torchvision's dataset, if they are what `info` says."""
        import torch

        info = self.counts
        images, labels = torch.as_tensor(data.data), torch.as_tensor(data.targets, dtype=torch.int64)
        images = images.unsqueeze(1) if images.ndim == 3 else images.permute(0, 3, 1, 2).contiguous()
        count = info.train_samples if train else info.test_samples
        if images.shape != (count, info.channels, info.height, info.width) or len(labels) != count:
            shape = " x ".join(map(str, images.shape))
            raise self._damaged(
                files, tr("they hold {shape} pixels and {labels} labels", shape=shape, labels=len(labels))
            )
        if not 0 <= int(labels.min()) <= int(labels.max()) < info.classes:
            raise self._damaged(files, tr("labels are outside 0 to {last}", last=info.classes - 1))
        return images, labels

    def _files(self, root: Path) -> dict[Path, int]:
        """What torchvision reads, with the size of each in bytes; 0 if it is not known."""
        raise NotImplementedError

    def _suspects(self, root: Path, *, train: bool) -> list[Path]:
        """The files to blame if this split cannot be read."""
        raise NotImplementedError

    def _missing(self, root: Path) -> list[Path]:
        return [path for path in self._files(root) if not path.is_file() or path.stat().st_size == 0]

    def _cut(self, root: Path) -> list[Path]:
        return [path for path, size in self._files(root).items() if size and path.stat().st_size != size]

    def _missing_text(self, root: Path, missing: list[Path]) -> str:
        lines = [
            tr(
                "{dataset} is not in {folder}: there should be {files}.",
                dataset=tr(self.label),
                folder=missing[0].parent,
                files=", ".join(path.name for path in missing),
            ),
            tr("Download it in the window, or with the command: desktop-trainer download {name}", name=self.name),
            way_without_network(self.remote, root),
        ]
        return "\n".join(lines)

    def _damaged(self, files: list[Path], why: str) -> DataDamaged:
        return DataDamaged(
            tr(
                "{dataset} cannot be used: {files}: {why}. Delete what is named here, then download the dataset again.",
                dataset=tr(self.label),
                files=", ".join(map(str, files)),
                why=why,
            )
        )


class _Idx(_TorchvisionDataset):
    """Four files in LeCun's IDX format: images and labels, for training and test.

    They are read here, not by torchvision, which prefers a ``processed/training.pt`` of its earlier versions to them.
    """

    def load(self, root: Path, *, train: bool) -> tuple[Tensor, Tensor]:
        """See `DatasetChoice.load`."""
        import numpy as np
        import torch

        samples = self.open(root, train=train)
        try:
            pixels = np.fromfile(samples.path, np.uint8, offset=samples.offset).reshape(-1, *samples.shape)
        except (OSError, ValueError) as error:
            raise self._damaged([samples.path], str(error)) from error
        return torch.from_numpy(pixels), torch.from_numpy(samples.labels)

    def open(self, root: Path, *, train: bool) -> FileSamples:
        """See `DatasetChoice.open`: the images stay in their file."""
        from desktop_trainer.files.samples import FileSamples

        self._check_files(root)
        images, labels = self._suspects(root, train=train)
        count = self.counts.train_samples if train else self.counts.test_samples
        shape = (self.counts.channels, self.counts.height, self.counts.width)
        try:
            return FileSamples(images, 16, shape, self._labels(images, labels, count))
        except (OSError, ValueError) as error:
            raise self._damaged([images, labels], str(error)) from error

    def _labels(self, images: Path, labels: Path, count: int) -> NDArray[np.int64]:
        """The labels of a split, if both files' headers are of so many samples.

        Raises:
            ValueError: if they are not, or if a label is none.
        """
        import numpy as np

        shape, (answers,) = _idx_shape(images, 3), _idx_shape(labels, 1)
        if shape != (count, self.counts.height, self.counts.width) or answers != count:
            shown = " x ".join(map(str, shape))
            raise ValueError(tr("they hold {shape} pixels and {labels} labels", shape=shown, labels=answers))
        values = np.fromfile(labels, np.uint8, offset=8)
        if values.max() >= self.counts.classes:
            raise ValueError(tr("labels are outside 0 to {last}", last=self.counts.classes - 1))
        return values.astype(np.int64)

    def _files(self, root: Path) -> dict[Path, int]:
        folder = root / self.remote.folder
        return {folder / file.name.removesuffix(".gz"): file.unpacked_bytes for file in self.remote.files}

    def _suspects(self, root: Path, *, train: bool) -> list[Path]:
        return [path for path in self._files(root) if path.name.startswith("train" if train else "t10k")]


def _idx_shape(path: Path, dimensions: int) -> tuple[int, ...]:
    """The shape that an IDX file of bytes announces: big-endian, behind 0, 0, the type (8) and the number of
    dimensions.

    Raises:
        ValueError: if it is no such file.
    """
    with path.open("rb") as file:
        head = file.read(4 + 4 * dimensions)
    if head[:4] != bytes([0, 0, 8, dimensions]):
        raise ValueError(tr("this is not an IDX file of {dimensions} dimensions", dimensions=dimensions))
    return tuple(int.from_bytes(head[at : at + 4]) for at in range(4, len(head), 4))


def _idx(folder: str, digests: tuple[str, str, str, str], *mirrors: str, of_content: bool = False) -> Remote:
    """The four files of MNIST and its successors; `digests` of training images, labels, test images, labels."""
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    sizes = (16 + 60_000 * 28 * 28, 8 + 60_000, 16 + 10_000 * 28 * 28, 8 + 10_000)
    files = (
        RemoteFile(f"{name}-ubyte.gz", digest, size, of_content)
        for name, digest, size in zip(names, digests, sizes, strict=True)
    )
    return Remote(mirrors, tuple(files), folder)


@DATASETS.register
class FashionMNIST(_Idx):
    """Xiao, Rasul and Vollgraf, 2017, arXiv:1708.07747."""

    name: Literal["fashion_mnist"] = "fashion_mnist"
    label: ClassVar[str] = "Fashion-MNIST"
    explanation: ClassVar[str] = mark("70 000 grey images of clothes, 28 x 28 pixels, ten classes.")
    reader: ClassVar[str] = "FashionMNIST"
    counts: ClassVar[DataInfo] = DataInfo(
        60_000,
        10_000,
        1,
        28,
        28,
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    )
    remote: ClassVar[Remote] = _idx(
        "FashionMNIST/raw",
        (
            "sha256:c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "sha256:bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "sha256:5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "sha256:0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://dataset.bj.bcebos.com/fashion_mnist/",
        of_content=True,
    )


@DATASETS.register
class MNIST(_Idx):
    """LeCun, Cortes and Burges, 1998. Digests as in ``torchvision.datasets.MNIST``."""

    name: Literal["mnist"] = "mnist"
    label: ClassVar[str] = "MNIST"
    explanation: ClassVar[str] = mark("70 000 handwritten digits, 28 x 28 pixels.")
    reader: ClassVar[str] = "MNIST"
    counts: ClassVar[DataInfo] = DataInfo(60_000, 10_000, 1, 28, 28, _DIGITS)
    remote: ClassVar[Remote] = _idx(
        "MNIST/raw",
        (
            "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "md5:d53e105ee54ea40749a09fcbcd1e9432",
            "md5:9fb629c4189551a2d022fa330f9573f3",
            "md5:ec29112dd5afa0611ce80d1b7f02629c",
        ),
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )


@DATASETS.register
class KMNIST(_Idx):
    """Clanuwat et al., 2018, arXiv:1812.01718. Digests as in ``torchvision.datasets.KMNIST``."""

    name: Literal["kmnist"] = "kmnist"
    label: ClassVar[str] = "KMNIST"
    explanation: ClassVar[str] = mark("70 000 handwritten old Japanese characters, 28 x 28 pixels, ten classes.")
    reader: ClassVar[str] = "KMNIST"
    counts: ClassVar[DataInfo] = DataInfo(
        60_000, 10_000, 1, 28, 28, ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    )
    remote: ClassVar[Remote] = _idx(
        "KMNIST/raw",
        (
            "md5:bdb82020997e1d708af4cf47b453dcf7",
            "md5:e144d726b3acfaa3e44228e80efcd344",
            "md5:5c965bf0a639b31b8f53240b1b52f4d7",
            "md5:7320c461ea6c1c855c0b718fb2a4b134",
        ),
        "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    )


@DATASETS.register
class CIFAR10(_TorchvisionDataset):
    """Krizhevsky, 2009, "Learning multiple layers of features from tiny images". Digests as in torchvision.

    The files are pickles; torchvision compares each with its digest before it reads one.
    """

    name: Literal["cifar10"] = "cifar10"
    label: ClassVar[str] = "CIFAR-10"
    explanation: ClassVar[str] = mark("60 000 colour photographs of animals and vehicles, 32 x 32 pixels, ten classes.")
    reader: ClassVar[str] = "CIFAR10"
    counts: ClassVar[DataInfo] = DataInfo(
        50_000,
        10_000,
        3,
        32,
        32,
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    )
    remote: ClassVar[Remote] = Remote(
        ("https://www.cs.toronto.edu/~kriz/", "https://dataset.bj.bcebos.com/cifar/"),
        (RemoteFile("cifar-10-python.tar.gz", "md5:c58f30108f718f92721af3b95e74349a", 190_000_000),),
    )

    def _files(self, root: Path) -> dict[Path, int]:
        names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"]
        return {root / "cifar-10-batches-py" / name: 0 for name in names}

    def _suspects(self, root: Path, *, train: bool) -> list[Path]:  # noqa: ARG002
        """torchvision checks all files for either split: those that are not the published ones, else all."""
        from torchvision.datasets import CIFAR10 as Reader  # noqa: N811
        from torchvision.datasets.utils import check_integrity

        digests = dict([*Reader.train_list, *Reader.test_list, (Reader.meta["filename"], Reader.meta["md5"])])
        files = list(self._files(root))
        return [path for path in files if not check_integrity(path, digests[path.name])] or files
