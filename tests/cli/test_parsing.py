"""Flags follow from the settings, and bad input is one message that changes nothing."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from desktop_trainer.cli import commands, main
from desktop_trainer.cli import train as train_module
from desktop_trainer.experiment.fields import settings_of
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.recipes import recipe
from desktop_trainer.experiment.settings import Experiment


def trained(monkeypatch: pytest.MonkeyPatch, *argv: str) -> Experiment:
    """The experiment that ``train`` with these arguments would train."""
    asked: list[Experiment] = []

    def train(experiment: Experiment, *_: object, **__: object) -> int:
        asked.append(experiment)
        return 0

    monkeypatch.setattr(train_module, "train", train)
    assert main(["train", *argv]) == 0
    return asked[0]


def test_without_flags_it_is_the_default_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert trained(monkeypatch) == Experiment()


def test_flags_set_what_they_name(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = trained(
        monkeypatch,
        "--dataset",
        "fashion_mnist",
        "--batch-size",
        "64",
        "--drop-last",
        "--no-shuffle",
        "--model",
        "mlp",
        "--hidden-sizes",
        "256",
        "128",
        "--dropout",
        "0.5",
        "--optimizer",
        "sgd",
        "--lr",
        "0.3",
        "--nesterov",
        "--momentum",
        "0.9",
        "--epochs",
        "3",
        "--seed",
        "4",
        "--device",
        "cpu",
        "--data-root",
        "/data x",
    )
    values: dict[str, Any] = {
        "data": {
            "dataset": "fashion_mnist",
            "batch_size": 64,
            "drop_last": True,
            "shuffle": False,
            "data_root": "/data x",
        },
        "model": {"name": "mlp", "hidden_sizes": [256, 128], "dropout": 0.5},
        "optimizer": {"name": "sgd", "lr": 0.3, "nesterov": True, "momentum": 0.9},
        "training": {"epochs": 3, "seed": 4},
        "device": {"name": "cpu"},
    }
    assert experiment == parse_experiment(values)


@pytest.mark.parametrize("words", [["512,64"], ["512", "64"], ["512,", "64"]])
def test_a_list_is_written_with_spaces_or_commas(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    model = trained(monkeypatch, "--hidden-sizes", *words).model
    assert getattr(model, "hidden_sizes", None) == (512, 64)


def test_every_setting_has_its_dotted_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    values = json.loads(Experiment().model_dump_json())
    for item in settings_of(values):
        flag = "--" + item.path.replace(".", "-").replace("_", "-")
        words = [flag] if item.type is bool else [flag, "256" if "sizes" in flag else str(item.default)]
        experiment = trained(monkeypatch, *words)
        assert experiment == Experiment() or item.type is bool


def test_defaults_give_way_to_recipe_then_config_then_flags(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"optimizer": {"name": "sgd", "lr": 0.5}, "training": {"seed": 3}}')
    experiment = trained(monkeypatch, "--recipe", "lenet_sgd", "--config", str(config), "--epochs", "2")
    expected = {
        **recipe("lenet_sgd").experiment,
        "training": {"epochs": 2, "seed": 3},
        "optimizer": {"name": "sgd", "lr": 0.5},
    }
    assert experiment == parse_experiment(expected)


def test_naming_the_choice_that_is_there_keeps_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    assert trained(monkeypatch, "--recipe", "lenet_sgd", "--optimizer", "sgd").optimizer.lr == 0.9
    assert trained(monkeypatch, "--recipe", "lenet_sgd", "--optimizer", "adam").optimizer.lr == 0.001


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["train", "--batch-size", "0"], ["data.batch_size", "“0”", "least is 1"]),
        (["train", "--batch-size", "1000001"], ["data.batch_size", "“1000001”", "most is 1000000"]),
        (["train", "--lr", "-1"], ["optimizer.lr", "“-1”", "greater than 0"]),
        (["train", "--lr", "fast"], ["optimizer.lr", "“fast”", "not a number"]),
        (["train", "--epochs", "2.5"], ["training.epochs", "“2.5”", "not a whole number"]),
        (["train", "--hidden-sizes", "16", "0"], ["model.hidden_sizes.1", "“0”", "least is 1"]),
        (["train", "--activation", "step"], ["model.activation", "“step”", "'relu'"]),
        (["train", "--device", "gpu"], ["device.name", "“gpu”", "cuda"]),
        (["train", "--model", "lenett"], ["model:", "'lenett'", "Known are: softmax, mlp, lenet"]),
        (["train", "--model", "lenet"], ["model:", "at least 16 x 16 pixels", "8 x 8"]),
        (["train", "--batch-size", "1501", "--drop-last"], ["data.batch_size", "1501", "1500"]),
        (["train", "--recipe", "lenet"], ["recipe:", "'lenet'", "lenet_adam"]),
        (["--recipe", "lenet"], ["recipe:", "'lenet'", "lenet_adam"]),
        (["train", "--config", "/no/such.json"], ["config:", "/no/such.json", "No such file"]),
        (["train", "--epoch", "3"], ["no option --epoch", "--epochs"]),
        (["train", "--momentum=0.9"], ["no option --momentum", "--optimizer sgd"]),
        (["train", "--no-nesterov"], ["no option --no-nesterov", "--optimizer sgd"]),
        (["train", "--lr"], ["--lr", "expected one argument"]),
        (["train", "fast"], ["fast"]),
        (["trian"], ["trian", "train"]),
        (["batches", "0", "--batch-size", "3"], ["samples:", "0", "least is 1"]),
        (["batches", "10", "--batch-size", "x"], ["batch_size:", "“x”", "whole number"]),
        (["batches", "10"], ["--batch-size"]),
        (["download", "minst"], ["data.dataset", "'minst'", "mnist"]),
        (["list", "cats"], ["cats", "datasets"]),
        (["evaluate"], ["MODEL"]),
        (["--language", "xx"], ["xx", "zh_CN"]),
    ],
)
def test_bad_input_is_one_message_that_names_it_and_exit_2(
    argv: list[str], words: list[str], capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("desktop-trainer: ") == 1
    assert [word for word in words if word not in err] == []
    assert not home.exists()


@pytest.mark.parametrize("text", ["[]", "{", '{"data": 5}', '{"nothing": 1}', '{"optimizer": "sgd2"}', "\udcff"])
def test_a_bad_config_is_refused_whatever_the_flags_say(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.json"
    config.write_bytes(text.encode(errors="surrogateescape"))
    assert main(["train", "--config", str(config), "--batch-size", "3", "--lr", "0.1"]) == 2
    assert capsys.readouterr().err


def test_the_whole_help_shows_every_setting_with_default_unit_bounds_and_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["train", "--help-all", "--model", "lenet", "--optimizer", "sgd"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for item in settings_of({"model": "lenet", "optimizer": "sgd"}):
        assert " ".join(f"{item.label}: {item.explanation}".split()) in shown
    assert "[default 256 samples; >= 1; <= 1000000]" in shown
    assert "[default 0.1; > 0; <= 1e+12]" in shown
    for title in ("Data:", "Model:", "Optimizer:", "Training:", "Device:"):
        assert title in shown


@pytest.mark.parametrize("command", ["train", "resume", "evaluate"])
def test_help_has_one_line_a_setting_under_the_title_of_its_section(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([command, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("[OPTIONS]")
    own = lines[lines.index("Data:") :]
    assert [line for line in own if not (not line or line.startswith("  --") or re.fullmatch(r"\w+:", line))] == []


def test_what_is_true_of_a_whole_section_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help-all"]) == 0
    assert " ".join(capsys.readouterr().out.split()).count("never the test set") == 1


def test_help_shows_the_values_of_the_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help", "--recipe", "lenet_sgd"]) == 0
    assert "Learning rate [default 0.9]" in " ".join(capsys.readouterr().out.split())


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    from desktop_trainer import __version__

    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize("argv", [["--language", "zh_CN"], ["train", "--language=zh_CN"], ["list"]])
def test_the_language_is_known_wherever_it_stands(argv: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LANG", "zh_CN.UTF-8" if argv == ["list"] else "en_US.UTF-8")
    assert commands.language(argv) == "zh_CN"
