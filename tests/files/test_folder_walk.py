"""Folders in folders: each is read once, links end, and what does not count is named."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from desktop_trainer.catalog.datasets.image_folder import ImageFolder
from desktop_trainer.files import folder_walk
from desktop_trainer.files.folder_scan import FolderUnusable, Listing, listing
from desktop_trainer.files.folder_walk import IRREGULAR


@pytest.fixture
def insects(picture: Any, tmp_path: Path) -> Path:
    """Two classes of six images."""
    for number in range(6):
        for name in ("ants", "bees"):
            picture(tmp_path / "insects" / name / f"{number}.png")
    return tmp_path / "insects"


def found(folder: Path) -> Listing:
    return listing(folder, 0.2, anew=True)


def link(path: Path, target: Path | str) -> None:
    path.symlink_to(target, target_is_directory=True)


@pytest.mark.parametrize("target", [".", "..", "../ants", "/"])
def test_a_link_to_what_is_read_already_multiplies_nothing(target: str, insects: Path) -> None:
    """To itself, to what holds it, to another class, to all there is: that also holds the folder."""
    plain = found(insects)
    link(insects / "bees/self", target if target != "/" else insects.parent)
    again = found(insects)
    assert again.paths == plain.paths
    left_out = "bees/self" if target != "/" else "bees/self/insects"
    assert again.left_out == {left_out: folder_walk.AGAIN}
    notices = ImageFolder(folder=str(insects))._source(insects).notices
    assert notices == (f"1 thing in the folder does not count:\n{left_out}: it leads to a folder that is read already",)


def test_a_folder_is_read_where_it_lies_whatever_the_names_of_links(picture: Any, insects: Path) -> None:
    picture(insects / "bees/wild/9.png")
    link(insects / "ants/a", "../bees/wild")
    link(insects / "bees/a", "wild")
    assert [path for path in found(insects).paths if path.endswith("9.png")] == ["bees/wild/9.png"]


def test_of_several_links_to_a_folder_elsewhere_the_first_by_name_counts(
    picture: Any, insects: Path, tmp_path: Path
) -> None:
    picture(tmp_path / "store/wild/9.png")
    for name in ("bees/z", "bees/b", "ants/c"):
        link(insects / name, tmp_path / "store")
    link(tmp_path / "store/back", insects)
    listed = found(insects)
    assert [path for path in listed.paths if path.endswith("9.png")] == ["ants/c/wild/9.png"]
    assert set(listed.left_out) == {"bees/b", "bees/z", "ants/c/back"}


def test_a_class_may_be_a_link_but_not_to_another_class(insects: Path, tmp_path: Path) -> None:
    (insects / "ants").rename(tmp_path / "store")
    link(insects / "ants", tmp_path / "store")
    assert len(found(insects).paths) == 12
    link(insects / "wasps", "bees")
    with pytest.raises(FolderUnusable, match=r"hold no images: .*wasps.* read already: wasps"):
        found(insects)


def test_a_test_folder_that_is_the_training_folder_is_refused(insects: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    insects.rename(tmp_path / "set/train")
    link(tmp_path / "set/test", "train")
    with pytest.raises(FolderUnusable, match="read already: test/ants, test/bees"):
        found(tmp_path / "set")


def test_a_class_may_be_called_train(insects: Path) -> None:
    (insects / "ants").rename(insects / "train")
    assert len(found(insects).paths) == 12


@pytest.mark.skipif(os.name == "nt", reason="there are no such files")
def test_what_is_no_regular_file_is_left_out_and_never_opened(
    insects: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe would be waited for, a device could give without end."""
    os.mkfifo(insects / "bees/a.png")
    (insects / "bees/b.png").symlink_to("/dev/zero")
    (insects / "bees/c.png").symlink_to("nowhere")
    monkeypatch.chdir(insects)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as pipe:
        pipe.bind("ants/d.png")
        listed = found(insects)
    assert len(listed.paths) == 12
    assert listed.left_out == dict.fromkeys(["ants/d.png", "bees/a.png", "bees/b.png", "bees/c.png"], IRREGULAR)


def test_folders_and_links_count_against_the_limit(insects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_walk, "_MOST", 20)
    assert len(found(insects).paths) == 12
    for number in range(10):
        (insects / f"bees/{number}").mkdir()
    with pytest.raises(FolderUnusable, match="more than 20 files and folders"):
        found(insects)
