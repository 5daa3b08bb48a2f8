"""What can be chosen, and the batch arithmetic, as the commands print them."""

import json

import pytest

from desktop_trainer.cli import main
from desktop_trainer.experiment.choices import REGISTRIES
from desktop_trainer.experiment.recipes import recipes


@pytest.mark.parametrize("kind", [*REGISTRIES, "recipes"])
def test_list_names_every_choice_of_a_kind(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", kind]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines if line[2:3] != " "]
    assert names == list(recipes() if kind == "recipes" else REGISTRIES[kind])


def test_list_without_a_kind_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line[:1].strip()] == [*REGISTRIES, "recipes"]


@pytest.mark.parametrize(
    ("flags", "lines"),
    [
        (
            [],
            [
                "(60000 + 256 - 1) // 256 = 235 batches",
                "234 full batches of 256",
                "last batch has 96",
                "0 samples are left out",
            ],
        ),
        (["--drop-last"], ["60000 // 256 = 234 batches", "234 full batches of 256\n", "96 samples are left out"]),
    ],
)
def test_batches_shows_the_formula_and_its_parts(
    flags: list[str], lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["batches", "60000", "--batch-size", "256", *flags]) == 0
    out = capsys.readouterr().out
    assert [line for line in lines if line not in out] == []


@pytest.mark.parametrize(("samples", "flags"), [("100", ["--drop-last"]), ("90", [])])
def test_a_last_batch_is_told_of_only_where_it_is_smaller(
    samples: str, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["batches", samples, "--batch-size", "30", *flags]) == 0
    out = capsys.readouterr().out
    assert "3 full batches of 30\n" in out
    assert "last batch" not in out


def test_a_single_batch_is_told_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["batches", "3", "--batch-size", "2", "--drop-last"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "3 // 2 = 1 batch an epoch",
        "1 full batch of 2",
        "1 sample is left out of each epoch",
    ]


def test_batches_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["batches", "10", "--batch-size", "4", "--drop-last", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "samples": 10,
        "batch_size": 4,
        "drop_last": True,
        "batches": 2,
        "last_batch_size": 4,
        "left_out": 2,
        "formula": "10 // 4 = 2",
    }


def test_a_bundled_dataset_needs_no_download(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", "digits"]) == 0
    assert "needs no download" in capsys.readouterr().out
