"""Every dataset gives the images, labels and counts that it announces, or says what is wrong with its files."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision import datasets as torchvision_datasets

from desktop_trainer.catalog.datasets.digits import Digits
from desktop_trainer.catalog.datasets.images import CIFAR10, KMNIST, MNIST, FashionMNIST
from desktop_trainer.catalog.datasets.synthetic import Synthetic
from desktop_trainer.experiment.choices import DATASETS, DatasetChoice
from desktop_trainer.files.errors import DataDamaged, DataGone, DataMissing

IDX = [FashionMNIST, MNIST, KMNIST]
DIGITS_TEST = "f56e24c63f14e2aa0dec40dfc9dce7d581bf9dacfe031c8b1705f52f1a0baa35"
"""SHA-256 of the digits' test images: another division would make accuracies of old and new runs incomparable."""
TRAIN, TEST = 30, 20


def idx(values: np.ndarray[Any, Any]) -> bytes:
    """`values` in LeCun's format: 0, 0, the type (8: bytes), the number of dimensions, each dimension, the values."""
    return bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">i4").tobytes() + values.astype(np.uint8).tobytes()


def small_idx(choice: type[Any], root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray[Any, Any]]:
    """Write `choice` with few samples below `root`, where it then expects so many; returns what was written."""
    random = np.random.default_rng(0)
    arrays = {
        "train-images-idx3-ubyte": random.integers(0, 256, (TRAIN, 28, 28)),
        "train-labels-idx1-ubyte": np.arange(TRAIN) % 10,
        "t10k-images-idx3-ubyte": random.integers(0, 256, (TEST, 28, 28)),
        "t10k-labels-idx1-ubyte": np.arange(TEST) % 10,
    }
    folder = root / choice.reader / "raw"
    folder.mkdir(parents=True)
    for name, values in arrays.items():
        (folder / name).write_bytes(idx(values))
    files = [
        replace(file, unpacked_bytes=len(idx(arrays[file.name.removesuffix(".gz")]))) for file in choice.remote.files
    ]
    monkeypatch.setattr(choice, "remote", replace(choice.remote, files=tuple(files)))
    monkeypatch.setattr(choice, "counts", replace(choice.counts, train_samples=TRAIN, test_samples=TEST))
    return arrays


def small_cifar(root: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray[Any, Any]:
    """As `small_idx`, for CIFAR-10: one pickle a batch, rows of 3072 bytes; returns the test images NCHW."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    random, reader = np.random.default_rng(0), torchvision_datasets.CIFAR10

    def write(name: str, content: Any) -> list[str]:
        data = pickle.dumps(content)
        (folder / name).write_bytes(data)
        return [name, hashlib.md5(data).hexdigest()]

    def batch(count: int) -> dict[str, Any]:
        pixels = random.integers(0, 256, (count, 3072)).astype(np.uint8)
        return {"data": pixels, "labels": [row % 10 for row in range(count)]}

    test = batch(TEST)
    monkeypatch.setattr(
        reader, "train_list", [write(f"data_batch_{number}", batch(TRAIN // 5)) for number in range(1, 6)]
    )
    monkeypatch.setattr(reader, "test_list", [write("test_batch", test)])
    meta = write("batches.meta", {"label_names": list(CIFAR10.counts.class_names)})
    monkeypatch.setattr(reader, "meta", {**reader.meta, "md5": meta[1]})
    monkeypatch.setattr(CIFAR10, "counts", replace(CIFAR10.counts, train_samples=TRAIN, test_samples=TEST))
    pixels: np.ndarray[Any, Any] = test["data"].reshape(TEST, 3, 32, 32)
    return pixels


def check_split(choice: DatasetChoice, root: Path, *, train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Load a split and compare it with what `info` says of it."""
    info = choice.info()
    images, labels = choice.load(root, train=train)
    count = info.train_samples if train else info.test_samples
    assert images.shape == (count, info.channels, info.height, info.width)
    assert images.dtype == torch.uint8
    assert images.is_contiguous()
    assert labels.shape == (count,)
    assert labels.dtype == torch.int64
    assert 0 <= int(labels.min()) <= int(labels.max()) < info.classes
    return images, labels


@pytest.mark.parametrize("choice", IDX)
def test_idx_files_are_read_as_they_were_written(
    choice: type[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = small_idx(choice, tmp_path, monkeypatch)
    assert choice().present(tmp_path)
    for train, prefix in ((True, "train"), (False, "t10k")):
        images, labels = check_split(choice(), tmp_path, train=train)
        assert np.array_equal(images[:, 0], arrays[f"{prefix}-images-idx3-ubyte"])
        assert np.array_equal(labels, arrays[f"{prefix}-labels-idx1-ubyte"])


@pytest.mark.parametrize("train", [True, False])
def test_idx_samples_are_read_from_their_file_one_by_one(
    train: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In any order, from any process; equal to what is loaded at once."""
    small_idx(KMNIST, tmp_path, monkeypatch)
    images, labels = KMNIST().load(tmp_path, train=train)
    samples = pickle.loads(pickle.dumps(KMNIST().open(tmp_path, train=train)))
    assert len(samples) == len(labels)
    chosen = [7, 0, len(labels) - 1, 7]
    pixels, classes = samples.read(chosen)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, images[chosen])
    assert np.array_equal(classes, labels[chosen])


@pytest.mark.parametrize("train", [True, False])
def test_what_earlier_versions_of_torchvision_left_is_read_by_nobody(
    train: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in memory nor streamed: both are the published files."""
    small_idx(MNIST, tmp_path, monkeypatch)
    images, labels = MNIST().load(tmp_path, train=train)
    (tmp_path / "MNIST/processed").mkdir()
    for name in ("training.pt", "test.pt"):
        torch.save((255 - images[:, 0], labels.flip(0)), tmp_path / "MNIST/processed" / name)
    again = MNIST().load(tmp_path, train=train)
    streamed = MNIST().open(tmp_path, train=train).read(range(len(labels)))
    for pixels, classes in (again, map(torch.from_numpy, streamed)):
        assert torch.equal(pixels, images)
        assert torch.equal(classes, labels)


@pytest.mark.parametrize("change", ["rename", "cut"])
def test_a_file_that_goes_while_it_is_read_is_named_with_what_to_do(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_idx(MNIST, tmp_path, monkeypatch)
    samples, path = MNIST().open(tmp_path, train=True), tmp_path / "MNIST/raw/train-images-idx3-ubyte"
    samples.read([1])
    if change == "rename":
        path.parent.rename(tmp_path / "elsewhere")
    else:
        path.write_bytes(path.read_bytes()[: 16 + 2 * 784 - 1])
    with pytest.raises(DataGone) as gone:
        samples.read([0, 1])
    assert str(path) in str(gone.value)
    assert "Put it back, then continue the run." in str(gone.value)


@pytest.mark.parametrize("head", [b"\0\0\x08\x01", b"<htm", b"\0\0\x08\x03\0\0\0\x07"])
def test_a_wrong_head_is_damage_for_who_streams_too(
    head: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_idx(MNIST, tmp_path, monkeypatch)
    path = tmp_path / "MNIST/raw/train-images-idx3-ubyte"
    path.write_bytes(head + path.read_bytes()[len(head) :])
    with pytest.raises(DataDamaged) as damaged:
        MNIST().open(tmp_path, train=True)
    assert str(path) in str(damaged.value)


def test_cifar_is_read_channels_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = small_cifar(tmp_path, monkeypatch)
    assert CIFAR10().present(tmp_path)
    check_split(CIFAR10(), tmp_path, train=True)
    images, labels = check_split(CIFAR10(), tmp_path, train=False)
    assert np.array_equal(images, pixels)
    assert labels.tolist() == [row % 10 for row in range(TEST)]


@pytest.mark.parametrize(
    ("name", "expected"),
    {
        "fashion_mnist": (60_000, 10_000, 1, 28, 28, 10),
        "mnist": (60_000, 10_000, 1, 28, 28, 10),
        "kmnist": (60_000, 10_000, 1, 28, 28, 10),
        "cifar10": (50_000, 10_000, 3, 32, 32, 10),
        "digits": (1500, 297, 1, 8, 8, 10),
    }.items(),
)
def test_published_counts_are_known_without_files(name: str, expected: tuple[int, ...]) -> None:
    choice: type[Any] = DATASETS[name]
    info = choice().info()
    counts = (info.train_samples, info.test_samples, info.channels, info.height, info.width, info.classes)
    assert counts == expected
    assert len(set(info.class_names)) == info.classes


@pytest.mark.parametrize("choice", [*IDX, CIFAR10])
def test_class_names_digests_and_folders_are_torchvisions(choice: type[Any]) -> None:
    """Existing folders must be found, and a mistyped digest would refuse every good download."""
    reader = getattr(torchvision_datasets, choice.reader)
    own = {file.name: file.digest.removeprefix("md5:") for file in choice.remote.files if not file.of_content}
    published = dict(reader.resources) if choice in IDX else {reader.filename: reader.tgz_md5}
    assert choice is FashionMNIST or own == published
    assert [file.name for file in choice.remote.files] == list(published)
    assert choice.remote.folder == (f"{choice.reader}/raw" if choice in IDX else "")
    assert all(mirror.startswith("https://") and mirror.endswith("/") for mirror in choice.remote.mirrors)
    if choice in {FashionMNIST, KMNIST}:
        assert list(choice.counts.class_names) == reader.classes


@pytest.mark.parametrize("choice", [*IDX, CIFAR10])
def test_missing_files_are_named_with_both_ways_out(choice: type[Any], tmp_path: Path) -> None:
    assert not choice().present(tmp_path)
    with pytest.raises(DataMissing) as missing:
        choice().load(tmp_path, train=True)
    text = str(missing.value)
    wanted = "train-labels-idx1-ubyte," if choice in IDX else "data_batch_3,"
    archives = [file.name for file in choice.remote.files]
    where = str(tmp_path / choice.reader / "raw") if choice in IDX else str(tmp_path / "cifar-10-batches-py")
    for part in (wanted, where, f"desktop-trainer download {choice().name}", *archives, choice.remote.mirrors[0]):
        assert part in text


@pytest.mark.parametrize("choice", IDX)
@pytest.mark.parametrize("keep", [1, 100, -1])
def test_a_cut_file_is_damaged_not_missing(
    choice: type[Any], keep: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_idx(choice, tmp_path, monkeypatch)
    path = tmp_path / choice.reader / "raw/t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:keep])
    assert not choice().present(tmp_path)
    with pytest.raises(DataDamaged) as damaged:
        choice().load(tmp_path, train=False)
    assert f"{path}: it has {path.stat().st_size} bytes instead of {16 + TEST * 784}" in str(damaged.value)
    assert "download" in str(damaged.value)


def test_an_empty_file_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_idx(MNIST, tmp_path, monkeypatch)
    (tmp_path / "MNIST/raw/train-labels-idx1-ubyte").write_bytes(b"")
    assert not MNIST().present(tmp_path)
    with pytest.raises(DataMissing, match="there should be train-labels-idx1-ubyte"):
        MNIST().load(tmp_path, train=True)


@pytest.mark.parametrize("head", [b"\0\0\x08\x09", b"\0\0\x0a\x03", b"\0\0\x0d\x03", b"<htm", b"\0\0\x08\x01"])
def test_a_wrong_head_is_damage_with_the_file_named(
    head: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong number of dimensions, unknown type, floats, a web page of the right length, one dimension only."""
    small_idx(MNIST, tmp_path, monkeypatch)
    path = tmp_path / "MNIST/raw/train-images-idx3-ubyte"
    path.write_bytes(head + path.read_bytes()[4:])
    with pytest.raises(DataDamaged) as damaged:
        MNIST().load(tmp_path, train=True)
    assert str(path) in str(damaged.value)
    MNIST().load(tmp_path, train=False)


@pytest.mark.parametrize("how", ["load", "open"])
def test_a_label_without_a_class_is_damage(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would otherwise stop the training with an index out of range, or a lost graphics card."""
    small_idx(MNIST, tmp_path, monkeypatch)
    path = tmp_path / "MNIST/raw/train-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\x0a")
    with pytest.raises(DataDamaged, match="labels are outside 0 to 9"):
        getattr(MNIST(), how)(tmp_path, train=True)


def test_other_counts_than_announced_are_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch arithmetic was shown for the announced count, so no other may be trained on."""
    small_cifar(tmp_path, monkeypatch)
    monkeypatch.setattr(CIFAR10, "counts", replace(CIFAR10.counts, train_samples=TRAIN + 1))
    with pytest.raises(DataDamaged, match="30 x 3 x 32 x 32 pixels"):
        CIFAR10().load(tmp_path, train=True)


class Marker:
    """Unpickling it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["data_batch_2", "test_batch", "batches.meta"])
def test_an_unknown_cifar_pickle_is_never_opened(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_cifar(tmp_path, monkeypatch)
    evil, marker = tmp_path / "cifar-10-batches-py" / name, tmp_path / "marker"
    evil.write_bytes(pickle.dumps(Marker(marker)))
    for train in (True, False):
        with pytest.raises(DataDamaged) as damaged:
            CIFAR10().load(tmp_path, train=train)
        assert f"{evil}: " in str(damaged.value)
    assert not marker.exists()
    pickle.loads(evil.read_bytes())
    assert marker.exists(), "the pickle that was not opened would have shown it"


def test_digits_are_divided_evenly_without_overlap_and_always_alike(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    train, train_labels = check_split(Digits(), tmp_path, train=True)
    test, test_labels = check_split(Digits(), tmp_path, train=False)
    raw, raw_labels = load_digits(return_X_y=True)
    whole = torch.cat([train, test]).flatten(1).double().mul(16 / 255).round()
    rows = [tuple(row) for row in np.column_stack([whole, torch.cat([train_labels, test_labels])])]
    assert sorted(rows) == sorted(tuple(row) for row in np.column_stack([raw, raw_labels]))
    shares = torch.bincount(test_labels) / torch.bincount(torch.cat([train_labels, test_labels]))
    assert torch.allclose(shares, torch.tensor(297 / 1797), atol=0.005)
    assert hashlib.sha256(test.numpy().tobytes()).hexdigest() == DIGITS_TEST
    assert int(train.min()) == 0
    assert int(train.max()) == 255


@pytest.mark.parametrize("shape", [{"channels": 1}, {"channels": 3, "size": 5, "classes": 3}])
def test_synthetic_is_the_same_every_time(shape: dict[str, Any], tmp_path: Path) -> None:
    choice = Synthetic(train_samples=5000, test_samples=70, **shape)
    torch.manual_seed(0)
    images, labels = check_split(choice, tmp_path, train=True)
    before = torch.get_rng_state()
    again, labels_again = choice.load(tmp_path, train=True)
    assert torch.equal(images, again)
    assert torch.equal(labels, labels_again)
    assert torch.equal(before, torch.get_rng_state()), "loading data must not move the run's own random numbers"
    check_split(choice, tmp_path, train=False)


def rows(images: torch.Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in images}


def test_synthetic_splits_share_patterns_and_nothing_else(tmp_path: Path) -> None:
    pure = Synthetic(noise=0.0)
    (train, train_labels), (test, test_labels) = pure.load(tmp_path, train=True), pure.load(tmp_path, train=False)
    for number in range(10):
        assert len(rows(train[train_labels == number]) | rows(test[test_labels == number])) == 1, (
            "without noise every sample of a class is its pattern"
        )
    noisy = Synthetic(noise=0.5)
    train, test = noisy.load(tmp_path, train=True)[0], noisy.load(tmp_path, train=False)[0]
    assert len(rows(train) | rows(test)) == len(train) + len(test)


@pytest.mark.parametrize("train", [True, False])
def test_the_real_fashion_mnist_equals_torchvisions(train: bool, real_data: Path) -> None:
    assert FashionMNIST().present(real_data)
    images, labels = check_split(FashionMNIST(), real_data, train=train)
    theirs = torchvision_datasets.FashionMNIST(real_data, train=train)
    assert torch.equal(images[:, 0], theirs.data)
    assert torch.equal(labels, theirs.targets)
    assert torch.bincount(labels).tolist() == [6000 if train else 1000] * 10


def test_looking_for_files_does_not_load_torch(tmp_path: Path) -> None:
    """``list`` and the form ask every dataset whether it is there, long before torch is needed."""
    code = (
        "import sys; from pathlib import Path; from desktop_trainer.experiment.choices import DATASETS\n"
        "import desktop_trainer.files.download\n"
        "for choice in DATASETS.values(): choice.counts_files or choice().info(), choice().present(Path(sys.argv[1]))\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)
