"""A folder of the user's own images: counted without decoding, by names and folders; divided by names alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageFile
from torchvision.datasets import ImageFolder as Reference
from torchvision.transforms import CenterCrop, Compose, PILToTensor, Resize

from desktop_trainer.catalog.datasets.image_folder import ImageFolder
from desktop_trainer.experiment.data import Source
from desktop_trainer.experiment.data_settings import DataSettings
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.files import folder_scan, folder_walk
from desktop_trainer.files.folder_scan import FolderUnusable

SIZE = 8


def choice(folder: Path, share: float = 0.2) -> ImageFolder:
    return ImageFolder(folder=str(folder), size=SIZE, test_share=share)


def prepared(folder: Path) -> Source:
    return choice(folder)._source(folder)


def test_it_reads_what_torchvision_reads(parted: Path) -> None:
    """The same samples in the same order with the same classes; the pixels as Resize and CenterCrop make them,
    nearly.
    """
    made = Compose([Resize(SIZE), CenterCrop(SIZE), PILToTensor()])
    for train, name in ((True, "train"), (False, "test")):
        images, labels = choice(parted).load(parted, train=train)
        reference = Reference(parted / name, transform=made)
        assert list(choice(parted).info().class_names) == reference.classes == ["cat", "dog"]
        assert labels.tolist() == reference.targets
        theirs = torch.stack([image for image, _ in reference])
        assert images.shape == theirs.shape
        assert images.dtype == torch.uint8
        assert float((images.int() - theirs.int()).abs().float().mean()) < 12


def test_info_counts_without_decoding(parted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers are looked at, for whether there are colours."""
    monkeypatch.setattr(ImageFile.ImageFile, "load", pytest.fail)
    info = choice(parted).info()
    assert (info.train_samples, info.test_samples, info.channels, info.height, info.width) == (7, 3, 3, SIZE, SIZE)


def test_info_is_remembered_until_a_folder_changes(picture: Any, parted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for at every key that is typed."""
    assert choice(parted).info().train_samples == 7
    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", pytest.fail)
        assert choice(parted).info().train_samples == 7
    deeper = parted / "train/cat/deeper"
    picture(deeper / "5.png")
    os.utime(deeper, ns=(1, 1))
    assert choice(parted).info().train_samples == 8


def test_who_does_not_want_to_wait_is_told_and_it_is_counted_meanwhile(
    parted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, scandir = threading.Event(), os.scandir

    def slow(folder: str) -> object:
        go_on.wait()
        return scandir(folder)

    monkeypatch.setattr(folder_scan, "_PATIENCE", 0.0)
    monkeypatch.setattr(os, "scandir", slow)
    assert choice(parted).counting()
    assert choice(parted).counting()
    (thread,) = [each for each in threading.enumerate() if each.name == "count-images"]
    go_on.set()
    thread.join()
    assert not choice(parted).counting()
    assert choice(parted).info().train_samples == 7


def test_a_count_that_nobody_wants_any_more_is_given_up(
    parted: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a path is typed, ``/`` is one of them: the whole disk."""
    inside, go_on, scandir = threading.Event(), threading.Event(), os.scandir
    seen: list[str] = []

    def slow(folder: str) -> object:
        seen.append(str(folder))
        if str(folder).startswith(str(whole)):
            inside.set()
            go_on.wait()
        return scandir(folder)

    monkeypatch.setattr(folder_scan, "_PATIENCE", 0.0)
    monkeypatch.setattr(os, "scandir", slow)
    assert choice(whole).counting()
    (first,) = [each for each in threading.enumerate() if each.name == "count-images"]
    inside.wait()
    choice(parted).counting()
    go_on.set()
    first.join()
    assert [folder for folder in seen if folder.startswith(str(whole))] == [str(whole)]
    for thread in [each for each in threading.enumerate() if each.name == "count-images"]:
        thread.join()


def test_a_share_of_each_class_is_for_the_test_by_names_alone(whole: Path) -> None:
    """The same wherever the folder lies and whatever the images hold; no sample is in both."""
    info = choice(whole, 0.25).info()
    assert (info.train_samples, info.test_samples) == (90, 30)
    listing = folder_scan.listing(whole, 0.25)
    tests = {path for path, test in zip(listing.paths, listing.tests, strict=True) if test}
    assert [sum(path.startswith(name) for path in tests) for name in ("ant", "bee")] == [15, 15]
    moved = whole.rename(whole.parent / "elsewhere")
    again = folder_scan.listing(moved, 0.25)
    assert {path for path, test in zip(again.paths, again.tests, strict=True) if test} == tests
    (moved / "ant/59.png").unlink()
    fewer = folder_scan.listing(moved, 0.25, anew=True)
    kept = {path for path, test in zip(fewer.paths, fewer.tests, strict=True) if test}
    assert len(kept ^ tests) <= 2, "one image more or less moves hardly any other"


def test_what_systems_hide_in_folders_does_not_count(picture: Any, parted: Path) -> None:
    for name in (
        ".git/x.png",
        "__MACOSX/cat/1.png",
        "train/.thumbs/1.png",
        "train/cat/._1.png",
        "train/__MACOSX/1.png",
    ):
        picture(parted / name)
    info = choice(parted).info()
    assert (info.train_samples, info.test_samples, info.class_names) == (7, 3, ("cat", "dog"))


def test_files_that_are_no_images_by_name_are_counted(parted: Path) -> None:
    (parted / "train/cat/notes.txt").write_text("x")
    (parted / "test/dog/film.gif").write_text("x")
    assert prepared(parted).notices == ("Left out, because these are not images by their names: .txt (1), .gif (1)",)


@pytest.mark.parametrize("where", ["train/eel", "test/dog"])
def test_an_empty_class_is_named_before_anything_starts(where: str, parted: Path) -> None:
    for image in (parted / where).glob("*"):
        image.unlink()
    (parted / where).mkdir(exist_ok=True)
    with pytest.raises(FolderUnusable, match="hold no images") as unusable:
        choice(parted).info()
    assert str(parted / where) in str(unusable.value)


def test_a_folder_that_is_no_such_dataset_is_told_how_it_should_be(picture: Any, parted: Path, tmp_path: Path) -> None:
    picture(parted / "val/emu/1.png")
    for folder, text in (
        (tmp_path / "nothing", "There is no folder"),
        (tmp_path / "\0", "There is no folder"),
        (tmp_path, "1 class folders; it needs at least two"),
        (parted / "train/dog", "0 class folders"),
    ):
        with pytest.raises(FolderUnusable, match=text):
            choice(folder).info()
    with pytest.raises(FolderUnusable, match="Choose the folder"):
        ImageFolder().info()
    (parted / "test").rename(parted / "old")
    with pytest.raises(FolderUnusable, match=r"classes that are not in the training folder: emu"):
        choice(parted).info()


def test_stored_sizes_and_colours_are_known_before_the_start(parted: Path, tmp_path: Path) -> None:
    assert choice(parted).stored() == "12 x 9 and other sizes"
    on_its_side = Image.Exif()
    on_its_side[0x0112] = 6
    for name in ("a/1", "a/2", "b/1", "b/2"):
        path = tmp_path / "photos" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10)).save(path, exif=on_its_side)
    assert choice(tmp_path / "photos").stored() == "10 x 20"


def test_only_a_folder_of_grey_images_has_one_channel(grey: Path) -> None:
    """One coloured image among them, and all have three; what is asked for outright counts more."""
    assert choice(grey).info().channels == 1
    assert prepared(grey).load(train=True)[0].shape == (48, 1, SIZE, SIZE)
    for channels, count in (("colour", 3), ("grey", 1)):
        asked = ImageFolder.model_validate({"folder": str(grey), "channels": channels})
        assert asked.info().channels == count
        assert asked.load(grey, train=True)[0].shape[1] == count
    Image.new("RGB", (5, 5), (9, 8, 7)).save(grey / "ant/29.png")
    folder_scan.listing(grey, 0.2, anew=True)
    assert choice(grey).info().channels == 3
    assert prepared(grey).load(train=True)[0].shape[1] == 3


def test_the_images_of_each_class_are_counted(parted: Path, whole: Path) -> None:
    assert choice(parted).info().class_counts == ((4, 2), (3, 1))
    assert choice(whole, 0.25).info().class_counts == ((45, 15), (45, 15))


def test_where_a_folder_decides_what_is_for_the_test_the_share_has_no_effect(parted: Path, whole: Path) -> None:
    assert choice(parted, 0.2).info() == choice(parted, 0.7).info()
    assert "the folder test are for the test" in choice(parted).without_effect()["test_share"]
    assert choice(whole).without_effect() == {}


def test_what_an_earlier_version_wrote_means_the_same(parted: Path) -> None:
    """Three channels, and the size that it had; where it had two, first the one and then the other."""
    for size, image_size, now in ((48, 0, (0, 48)), (48, 48, (0, 48)), (64, 28, (64, 28))):
        options = {"name": "image_folder", "folder": str(parted), "size": size, "test_share": 0.2}
        data = parse_experiment({"data": {"dataset": options, "image_size": image_size}}).data
        assert isinstance(data.dataset, ImageFolder)
        assert (data.dataset.size, data.image_size, data.dataset.channels) == (*now, "colour")
        assert (data.info.height, data.info.channels) == (image_size or size, 3)
        assert parse_experiment({"data": data.model_dump()}).data == data
    today = DataSettings.model_validate({"dataset": {"name": "image_folder", "folder": str(parted)}})
    assert (today.info.height, today.info.channels) == (64, 3)


def test_an_image_gets_its_size_at_once(parted: Path) -> None:
    """But in a run of an earlier version, which made it another one first."""
    for size, image_size, read in ((0, 28, 28), (0, 0, 64), (32, 28, 32)):
        dataset = ImageFolder(folder=str(parted), size=size)
        source = finished(dataset.prepare(parted, image_size))
        assert source.info.height == source.load(train=True)[0].shape[2] == dataset.as_read(image_size).height == read


def finished(steps: Any) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_paths_have_one_order_and_one_form_on_every_system(
    picture: Any, parted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What parts them sorts before capitals on Linux and behind them on Windows."""
    picture(parted / "train/cat/deepA.png")
    picture(parted / "train/cat/deep/1.png")
    with monkeypatch.context() as patched:
        patched.setattr(os, "sep", "\\")
        found = folder_scan.listing(parted, 0.2)
    inside = [path for path in found.paths if path.startswith("train/cat/deep")]
    assert inside == ["train/cat/deep/1.png", "train/cat/deepA.png", "train/cat/deeper/3.bmp"]


def test_a_folder_is_listed_in_steps_that_can_be_stopped(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_walk, "_CHUNK", 10)
    steps = folder_scan.list_images(whole, 0.2, anew=True)
    said = [next(steps).what for _ in range(8)]
    assert said[-1] == f"Looking for images in {whole}: 50 files"
    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", pytest.fail)
        steps.close()
    assert folder_scan._known == {}


def test_a_relative_folder_is_meant_from_here(parted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run may be continued from elsewhere."""
    monkeypatch.chdir(parted.parent)
    assert ImageFolder(folder="pets").folder == str(parted)
    assert ImageFolder(folder="~/pets").folder == "~/pets"
    assert ImageFolder(folder="C:\\pets").folder == "C:\\pets"


def test_counting_loads_neither_torch_nor_numpy(parted: Path) -> None:
    """The form and ``--help`` count long before these are needed."""
    code = (
        "import sys; from desktop_trainer.catalog.datasets.image_folder import ImageFolder\n"
        "assert ImageFolder(folder=sys.argv[1]).info().train_samples == 7\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy')))"
    )
    subprocess.run([sys.executable, "-c", code, str(parted)], check=True, timeout=60)
