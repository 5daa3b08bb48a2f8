"""``desktop-trainer explain``: a setting is found by whatever name it has, and told whole."""

import pytest

from desktop_trainer.cli import main
from desktop_trainer.experiment.fields import Setting, settings_of
from desktop_trainer.i18n import in_every_language

Captured = pytest.CaptureFixture[str]
CHINESE = ["--language", "zh_CN"]


def told(capsys: Captured, *argv: str) -> str:
    assert main(["explain", *argv]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_it_says_what_the_setting_does_its_flag_default_bounds_unit_and_choices(capsys: Captured) -> None:
    said = told(capsys, "batch_size")
    assert said.startswith("Batch size How many samples one step looks at.")
    assert "Flag: --batch-size, --data-batch-size In files: data.batch_size Section: Data" in said
    assert "Default 256 samples Bounds: >= 1; <= 1000000 samples" in said
    assert "Known: none, dataset, imagenet, symmetric" in told(capsys, "normalization")
    assert "sgd, " in told(capsys, "optimizer").partition("Known: ")[2]
    assert "Default 0 = off" in told(capsys, "patience")


@pytest.mark.parametrize("language", [[], CHINESE])
@pytest.mark.parametrize("item", settings_of({}), ids=lambda item: item.path)
def test_every_setting_is_found_by_path_flag_and_label_in_both_languages(
    item: Setting, language: list[str], capsys: Captured
) -> None:
    flag = f"--{item.path.replace('.', '-').replace('_', '-')}"
    for words in ([item.path], [flag], *(name.upper().split() for name in in_every_language(item.label))):
        assert item.path in told(capsys, *language, *words)


def test_a_part_of_a_label_is_enough(capsys: Captured) -> None:
    assert "optimizer.lr" in told(capsys, "学习率")
    assert "optimizer.lr" in told(capsys, "learning")


def test_an_option_says_which_choices_have_it(capsys: Captured) -> None:
    assert "Only with: --optimizer sgd" in told(capsys, "momentum")
    assert "Only with: --optimizer adam / --optimizer adamw" in told(capsys, "--lr")
    assert "Only with" not in told(capsys, "epochs")


def test_it_says_what_is_true_of_the_whole_section(capsys: Captured) -> None:
    assert "never the test set" in told(capsys, "flip")


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("optimzer", "--optimizer"),
        ("--bach-size", "--batch-size"),
        ("xyzzy", "desktop-trainer train --help"),
        ("", "desktop-trainer train --help"),
    ],
)
def test_a_name_that_none_has_is_refused_and_near_ones_are_named(asked: str, near: str, capsys: Captured) -> None:
    assert main(["explain", asked]) == 2
    shown = capsys.readouterr().err
    assert f"No setting is called “{asked}”." in shown
    assert near in shown
