"""``train`` and ``evaluate`` within this process: what they print, what they write, what they refuse."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from desktop_trainer.cli import main
from desktop_trainer.cli import train as train_module
from desktop_trainer.engine.events import RunEnded
from desktop_trainer.engine.images.normalization import Statistics
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.runs.model_file import load_model, save_model

Captured = pytest.CaptureFixture[str]
SMALL = ["train", "--epochs", "2", "--batch-size", "100", "--drop-last", "--device", "cpu"]


def objects(capsys: Captured) -> list[dict[str, Any]]:
    """Everything on stdout, each line as JSON."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def named(items: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [item for item in items if item["event"] == event]


def test_people_read_a_start_a_line_an_epoch_and_the_end(capsys: Captured) -> None:
    assert main(SMALL) == 0
    start, *epochs, end = capsys.readouterr().out.splitlines()
    assert "1500 // 100 = 15 batches" in start
    line = (
        r"epoch \d, loss \d\.\d{4}, train acc \d\.\d{3}, test acc \d\.\d{3}, time \d+\.?\d* s, [\d ]+ samples/s on cpu"
    )
    assert [bool(re.fullmatch(line, epoch)) for epoch in epochs] == [True, True]
    assert "model.safetensors" in end


def test_json_has_an_object_for_every_event_and_every_batch(capsys: Captured) -> None:
    assert main([*SMALL, "--json"]) == 0
    items = objects(capsys)
    (started,) = named(items, "run_started")
    assert (started["train_samples"], started["test_samples"]) == (1500, 297)
    assert (started["batches_per_epoch"], started["test_batches"], started["last_batch_size"]) == (15, 3, 100)
    batches = named(items, "batch_ended")
    assert [(item["epoch"], item["batch"]) for item in batches] == [(e, b) for e in (1, 2) for b in range(1, 16)]
    assert batches[0].keys() == {"event", "epoch", "batch", "loss", "accuracy", "lr", "seconds"}
    assert batches[0]["lr"] == 0.001
    for item in named(items, "epoch_ended"):
        mean = sum(batch["loss"] for batch in batches if batch["epoch"] == item["epoch"]) / 15
        assert item["train_loss"] == pytest.approx(mean)
    assert items[-1]["event"] == "run_ended"
    assert items[-1]["outcome"] == "completed"
    assert all(Path(path).exists() for path in items[-1]["paths"].values())


def test_the_real_fashion_mnist_has_235_and_40_batches(real_data: Path, capsys: Captured) -> None:
    argv = ["train", "--recipe", "softmax_regression", "--epochs", "1", "--data-root", str(real_data), "--json"]
    assert main(argv) == 0
    items = objects(capsys)
    assert [item["batch"] for item in named(items, "batch_ended")] == list(range(1, 236))
    assert [item["done"] for item in named(items, "evaluating")] == list(range(1, 41))
    assert (named(items, "run_started")[0]["last_batch_size"], named(items, "run_started")[0]["test_batches"]) == (
        96,
        40,
    )
    assert named(items, "epoch_ended")[0]["test_accuracy"] > 0.75


def test_first_steps_reach_their_figure(capsys: Captured) -> None:
    assert main(["train", "--recipe", "digits_first_steps", "--device", "cpu", "--threads", "1", "--json"]) == 0
    assert named(objects(capsys), "epoch_ended")[-1]["test_accuracy"] > 0.95


def test_a_saved_model_gives_its_last_test_figures_again(capsys: Captured, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    assert main([*SMALL, "--json", "--save", str(path)]) == 0
    items = objects(capsys)
    assert items[-1]["paths"]["model"] == str(path)
    assert main(["evaluate", str(path), "--json"]) == 0
    evaluated = objects(capsys)[-1]
    last = named(items, "epoch_ended")[-1]
    assert (evaluated["event"], evaluated["samples"]) == ("evaluated", 297)
    assert evaluated["accuracy"] == last["test_accuracy"]
    assert evaluated["loss"] == pytest.approx(last["test_loss"])


def test_an_evaluation_normalises_by_the_files_own_numbers(capsys: Captured, tmp_path: Path) -> None:
    """Those of the run's start; other numbers in the file, though the data are the same, give other figures."""
    path = tmp_path / "model.safetensors"
    assert main([*SMALL, "--normalization", "dataset", "--shift", "1", "--json", "--save", str(path)]) == 0
    last = named(objects(capsys), "epoch_ended")[-1]
    saved = load_model(path)
    assert saved.statistics is not None
    for statistics, same in ((saved.statistics, True), (Statistics((0.9,), (0.9,)), False)):
        save_model(path, replace(saved, statistics=statistics))
        assert main(["evaluate", str(path), "--json"]) == 0
        assert (objects(capsys)[-1]["loss"] == last["test_loss"]) is same


def test_every_change_of_augmentation_has_a_flag(capsys: Captured, everything: dict[str, float]) -> None:
    """Of its short name; all of them at once train, and the start says which of them change grey images."""
    flags = [word for name, amount in everything.items() for word in (f"--{name.replace('_', '-')}", str(amount))]
    assert main([*SMALL, *flags, "--json"]) == 0
    (started,) = named(objects(capsys), "run_started")
    grey = {name: amount for name, amount in everything.items() if name not in ("saturation", "hue")}
    words = ", ".join(f"{name} {amount:g}" for name, amount in grey.items())
    assert started["step"] == f"augmentation ({words})"


def test_evaluate_tells_people_a_line(capsys: Captured, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    main([*SMALL, "--save", str(path)])
    capsys.readouterr()
    assert main(["evaluate", str(path)]) == 0
    assert re.fullmatch(r"test loss \d\.\d+, test acc \d\.\d+ over 297 samples\n", capsys.readouterr().out)


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_model_without_a_finite_loss_is_said_to_be_of_no_use(
    capsys: Captured, tmp_path: Path, flags: list[str]
) -> None:
    path = tmp_path / "model.safetensors"
    main([*SMALL, "--save", str(path)])
    saved = load_model(path)
    save_model(path, replace(saved, weights={name: tensor * math.nan for name, tensor in saved.weights.items()}))
    capsys.readouterr()
    assert main(["evaluate", str(path), *flags]) == 1
    out, err = capsys.readouterr()
    assert "nan" in out or json.loads(out.splitlines()[-1])["loss"] is None
    assert "not a finite number" in err


def test_pt_holds_the_weights_alone(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    assert main([*SMALL, "--save", str(path)]) == 0
    weights = torch.load(path, weights_only=True)
    assert [tuple(weight.shape) for weight in weights.values()] == [(256, 64), (256,), (10, 256), (10,)]


def test_weights_start_from_a_saved_model_and_its_settings(capsys: Captured, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    main([*SMALL, "--hidden-sizes", "32", "--save", str(path), "--json"])
    before = named(objects(capsys), "epoch_ended")[-1]["train_loss"]
    assert main(["train", "--weights", str(path), "--epochs", "1", "--json"]) == 0
    items = objects(capsys)
    assert named(items, "run_started")[0]["parameters"] == 64 * 32 + 32 + 32 * 10 + 10
    assert named(items, "run_started")[0]["batches_per_epoch"] == 15
    assert named(items, "epoch_ended")[0]["train_loss"] < before


def test_weights_of_another_model_are_refused_with_the_differences(capsys: Captured, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    main([*SMALL, "--hidden-sizes", "32", "--save", str(path)])
    capsys.readouterr()
    assert main(["train", "--weights", str(path), "--hidden-sizes", "16", "--json"]) == 1
    out, err = capsys.readouterr()
    assert "(32, 64) != (16, 64)" in err
    ended = json.loads(out.splitlines()[-1])
    assert (ended["event"], ended["outcome"]) == ("run_ended", "failed")
    assert ended["reason"] in err


@pytest.mark.parametrize(
    ("name", "words"),
    [("no/model.safetensors", "No such file"), ("model.onnx", ".safetensors"), ("folder.pt", "is a folder")],
)
def test_a_place_that_cannot_be_written_is_told_before_training(
    name: str, words: str, capsys: Captured, tmp_path: Path, home: Path
) -> None:
    (tmp_path / "folder.pt").mkdir()
    assert main([*SMALL, "--save", str(tmp_path / name)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "save: " in err
    assert words in err
    assert not home.exists()


def test_missing_data_and_devices_are_one_message_each(capsys: Captured, tmp_path: Path) -> None:
    assert main(["train", "--dataset", "fashion_mnist", "--data-root", str(tmp_path)]) == 1
    assert "desktop-trainer download fashion_mnist" in capsys.readouterr().err
    assert main(["train", "--device", "cuda:77"]) == 1
    err = capsys.readouterr().err
    assert "cuda:77" in err
    assert "Traceback" not in err


def test_a_loss_that_is_no_number_ends_the_run_with_exit_1_and_valid_json(capsys: Captured, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    argv = [
        "--optimizer",
        "sgd",
        "--lr",
        "1e12",
        "--hidden-sizes",
        "64",
        "64",
        "--activation",
        "gelu",
        "--save",
        str(path),
    ]
    assert main([*SMALL, *argv, "--json"]) == 1
    items = objects(capsys)
    assert items[-1]["outcome"] == "diverged"
    assert None in [item["loss"] for item in named(items, "batch_ended")]
    assert "smaller learning rate" in items[-1]["next_step"]
    assert not path.exists()


def test_a_run_that_stops_early_has_done_its_work(capsys: Captured) -> None:
    """With a learning rate that changes nothing no epoch is better than the first; that is no failure."""
    assert main([*SMALL, "--optimizer", "sgd", "--lr", "1e-30", "--epochs", "9", "--patience", "2", "--json"]) == 0
    ended = objects(capsys)[-1]
    assert (ended["outcome"], ended["epoch"]) == ("early_stopped", 3)
    assert "best after epoch 1" in ended["reason"]
    assert "patience" in ended["next_step"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--dataset", "synthetic", "--classes", "5", "--image-size", "8"], "5 classes"),
        (["--dataset", "synthetic"], "16 x 16 pixels"),
        (["--dataset", "synthetic", "--size", "8", "--channels", "3"], "3 channels"),
    ],
)
def test_a_model_is_not_examined_on_data_of_another_shape(
    flags: list[str], words: str, capsys: Captured, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    main([*SMALL, "--save", str(path)])
    capsys.readouterr()
    assert main(["evaluate", str(path), *flags]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err


def test_other_classes_of_the_same_number_are_not_examined(real_data: Path, capsys: Captured, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    main([*SMALL, "--image-size", "28", "--save", str(path)])
    capsys.readouterr()
    assert main(["evaluate", str(path), "--dataset", "fashion_mnist", "--data-root", str(real_data)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "Ankle boot" in err


@pytest.mark.parametrize(("content", "words"), [(b"", "damaged"), (b"not a model at all", "not a model file")])
def test_what_is_no_model_is_refused(content: bytes, words: str, capsys: Captured, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    assert main(["evaluate", str(path)]) == 1
    assert words in capsys.readouterr().err
    assert main(["evaluate", str(tmp_path / "none")]) == 1


def test_bare_weights_cannot_be_examined(capsys: Captured, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    main([*SMALL, "--save", str(path)])
    assert main(["evaluate", str(path)]) == 1
    assert "which model" in capsys.readouterr().err


def test_a_reader_that_went_away_still_leaves_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The output may break at any line; what was trained is saved all the same."""

    class Gone:
        def show(self, event: object) -> None:
            if type(event).__name__ == "EpochEnded" or isinstance(event, RunEnded):
                raise BrokenPipeError

    monkeypatch.setattr("desktop_trainer.cli.output.output", lambda *_, **__: Gone())
    path = tmp_path / "model.safetensors"
    experiment = parse_experiment({"training": {"epochs": 3}})
    with pytest.raises(BrokenPipeError):
        train_module.train(experiment, None, path, as_json=False)
    assert load_model(path).metrics["epoch"] == 1
