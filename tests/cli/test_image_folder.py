"""A folder of images on the command line: flags of its own, and nothing left out in silence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from desktop_trainer.cli import main

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(4):
        for name in ("ant", "bee"):
            path = tmp_path / "insects" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 4), (number, 0, 0)).save(path)
    (tmp_path / "insects/bee/notes.txt").write_text("x")
    return tmp_path / "insects"


def argv(folder: Path) -> list[str]:
    return [
        "train",
        "--dataset",
        "image_folder",
        "--folder",
        str(folder),
        "--image-size",
        "4",
        "--epochs",
        "1",
        "--device",
        "cpu",
    ]


def test_a_folder_is_trained_on_and_the_model_examined(folder: Path, tmp_path: Path, capsys: Captured) -> None:
    """Also when the folder has moved: the other one is named by a flag."""
    model = tmp_path / "model.safetensors"
    assert main([*argv(folder), "--save", str(model)]) == 0
    said = capsys.readouterr().out
    assert "Left out, because these are not images by their names: .txt (1)" in said
    assert "Folder of images, on cpu, data in memory, 0.1 MB on cpu: 6 training samples" in said
    moved = folder.rename(tmp_path / "moved")
    assert main(["evaluate", str(model), "--device", "cpu"]) == 1
    assert f"There is no folder {folder}" in capsys.readouterr().err
    flags = ["--dataset", "image_folder", "--folder", str(moved), "--device", "cpu"]
    assert main(["evaluate", str(model), *flags]) == 0
    assert "over 2 samples" in capsys.readouterr().out


def test_classes_and_what_the_model_gets_are_told_before_the_training(folder: Path, capsys: Captured) -> None:
    """Also what has no effect there."""
    assert main(argv(folder)) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "2 classes (training + test): ant 3 + 1, bee 3 + 1"
    assert second == "Images: 4 x 4, 3 channels"
    shutil.copytree(folder, folder.parent / "set/train")
    shutil.copytree(folder, folder.parent / "set/test")
    assert main([*argv(folder.parent / "set"), "--json"]) == 0
    told = next(line for line in capsys.readouterr().out.splitlines() if "data_counted" in line)
    assert "ant 4 + 4" in told
    assert "Without effect: the images in the folder test are for the test." in told


def test_a_folder_does_not_take_the_image_size_of_a_recipe(folder: Path, capsys: Captured) -> None:
    """Unless it is asked for. Weights want the size that they were trained with."""
    flags = [
        "--recipe",
        "digits_first_steps",
        "--dataset",
        "image_folder",
        "--folder",
        str(folder),
        "--epochs",
        "1",
        "--device",
        "cpu",
    ]
    assert main(["train", *flags]) == 0
    assert "Images: 4 x 4 → 64 x 64, 3 channels" in capsys.readouterr().out
    model = folder.parent / "model.safetensors"
    assert main(["train", *flags, "--image-size", "20", "--save", str(model)]) == 0
    assert "Images: 4 x 4 → 20 x 20, 3 channels" in capsys.readouterr().out
    again = ["--weights", str(model), "--dataset", "image_folder", "--folder", str(folder), "--epochs", "1"]
    assert main(["train", *again, "--device", "cpu"]) == 0
    assert "→ 20 x 20" in capsys.readouterr().out


def test_nor_does_a_folder_that_a_config_names(folder: Path, tmp_path: Path, capsys: Captured) -> None:
    """Unless the config itself says how large."""
    for size, told in (({}, "64 x 64"), ({"image_size": 28}, "28 x 28")):
        data = {"dataset": {"name": "image_folder", "folder": str(folder)}, **size}
        (tmp_path / "config.json").write_text(json.dumps({"data": data}))
        flags = [
            "--recipe",
            "digits_first_steps",
            "--config",
            str(tmp_path / "config.json"),
            "--epochs",
            "1",
            "--device",
            "cpu",
        ]
        assert main(["train", *flags]) == 0
        assert f"4 x 4 → {told}" in capsys.readouterr().out


def test_a_model_of_an_earlier_version_is_examined_as_it_was_trained(
    folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    """Grey images, of which it made three channels, and two sizes one after the other."""
    for path in folder.rglob("*.png"):
        Image.new("L", (9, 9), 200).save(path)
    old = {"dataset": {"name": "image_folder", "folder": str(folder), "size": 32, "test_share": 0.2}, "image_size": 20}
    (tmp_path / "old.json").write_text(json.dumps({"data": old, "training": {"epochs": 1}}))
    model = tmp_path / "model.safetensors"
    assert main(["train", "--config", str(tmp_path / "old.json"), "--device", "cpu", "--save", str(model)]) == 0
    assert "Images: 9 x 9 → 20 x 20, 3 channels" in capsys.readouterr().out
    assert main(["evaluate", str(model), "--device", "cpu"]) == 0
    assert "over 2 samples" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_refused_without_a_traceback(tmp_path: Path, capsys: Captured) -> None:
    assert main(argv(tmp_path / "nothing")) == 1
    assert capsys.readouterr().err.startswith(f"desktop-trainer: There is no folder {tmp_path / 'nothing'}.")


def test_it_is_listed(capsys: Captured) -> None:
    assert main(["list", "datasets"]) == 0
    assert "image_folder" in capsys.readouterr().out


def test_a_run_whose_folder_was_moved_goes_on_with_the_same_images_only(
    folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    assert main([*argv(folder), "--json"]) == 0
    run = json.loads(capsys.readouterr().out.splitlines()[-1])["paths"]["run"]
    moved = folder.rename(tmp_path / "moved")
    assert main(["resume", run, "--epochs", "2"]) == 1
    said = capsys.readouterr().err
    assert f"were in {folder}, which is not there" in said
    assert "--folder FOLDER" in said
    assert main(["resume", run, "--epochs", "2", "--folder", str(moved)]) == 0
    again = moved.rename(tmp_path / "again")
    (again / "ant/0.png").write_bytes((again / "ant/1.png").read_bytes())
    assert main(["resume", run, "--epochs", "3", "--folder", str(again)]) == 1
    assert "not those that the run was trained on" in capsys.readouterr().err
