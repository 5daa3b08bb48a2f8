"""``resume`` within this process: which run, from where, with what changed, and what is refused."""

import gc
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desktop_trainer.cli import main
from desktop_trainer.cli import train as train_module
from desktop_trainer.engine.weights import StateMismatch
from desktop_trainer.runs import retrying
from desktop_trainer.runs.checkpoint import newest_checkpoint
from desktop_trainer.runs.checkpoint_folders import checkpoints
from desktop_trainer.runs.files import Disk
from desktop_trainer.runs.journal import read_journal
from desktop_trainer.runs.lock import RunLock
from desktop_trainer.runs.run_folder import CHECKPOINTS, read_facts

Captured = pytest.CaptureFixture[str]
SMALL = [
    "train",
    "--dataset",
    "synthetic",
    "--batch-size",
    "500",
    "--epochs",
    "2",
    "--device",
    "cpu",
    "--threads",
    "1",
    "--json",
]


def objects(capsys: Captured) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def run(capsys: Captured) -> Path:
    """A run of two epochs that is complete."""
    assert main(SMALL) == 0
    return Path(objects(capsys)[-1]["paths"]["run"])


@pytest.mark.parametrize("by_name", [True, False])
def test_a_run_goes_on_by_its_name_or_its_folder(run: Path, capsys: Captured, by_name: bool) -> None:
    assert main(["resume", run.name if by_name else str(run), "--epochs", "3", "--json"]) == 0
    items = objects(capsys)
    (started,) = [item for item in items if item["event"] == "run_started"]
    assert (started["epoch"], started["epochs"]) == (2, 3)
    assert [item["epoch"] for item in items if item["event"] == "epoch_ended"] == [3]
    assert items[-1]["outcome"] == "completed"
    assert [event.epoch for event in read_journal(run).epochs] == [1, 2, 3]


def test_a_setting_can_be_changed_and_the_journal_says_so(run: Path, capsys: Captured) -> None:
    assert main(["resume", run.name, "--lr", "0.5", "--epochs", "3", "--json"]) == 0
    told = objects(capsys)
    assert {item["lr"] for item in told if item["event"] == "batch_ended"} == {0.5}
    (changed,) = [item for item in told if item["event"] == "settings_changed"]
    assert (changed["epoch"], changed["batch"]) == (2, 0)
    assert {"setting": "optimizer.lr", "before": 0.001, "after": 0.5} in changed["changes"]
    assert set(read_journal(run).starts[-1].changes) == {"optimizer.lr", "training.epochs"}


def test_a_setting_that_changes_is_told_with_its_place(run: Path, capsys: Captured) -> None:
    assert main(["resume", run.name, "--lr", "0.5", "--epochs", "3"]) == 0
    assert "Changed in epoch 3 after batch 0: Learning rate 0.001 → 0.5, Epochs 2 → 3" in capsys.readouterr().out


def test_it_goes_back_to_an_earlier_checkpoint(run: Path, capsys: Captured) -> None:
    first = checkpoints(run)[0]
    assert main(["resume", run.name, "--checkpoint", first, "--json"]) == 0
    assert [item["epoch"] for item in objects(capsys) if item["event"] == "epoch_ended"] == [1, 2]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--batch-size", "3"], "no option --batch-size"),
        (["--lr", "-1"], "optimizer.lr"),
        (["--epochs", "many"], "training.epochs"),
    ],
)
def test_what_cannot_be_changed_is_refused_and_the_run_is_as_it_was(
    run: Path, capsys: Captured, argv: list[str], words: str
) -> None:
    before = (run / "events.jsonl").read_bytes()
    assert main(["resume", run.name, *argv]) == 2
    assert words in capsys.readouterr().err
    assert (run / "events.jsonl").read_bytes() == before


def test_a_run_that_lost_its_settings_goes_on(run: Path, capsys: Captured) -> None:
    (run / "experiment.json").unlink()
    assert main(["resume", run.name, "--epochs", "3", "--json"]) == 0
    assert objects(capsys)[-1]["outcome"] == "completed"


def test_no_such_run_names_those_that_are_near(run: Path, capsys: Captured) -> None:
    assert main(["resume", run.name.replace("mlp", "lenet")]) == 2
    assert run.name in capsys.readouterr().err


def test_a_run_that_is_going_on_is_refused(run: Path, capsys: Captured) -> None:
    with RunLock(run):
        assert main(["resume", run.name]) == 1
    assert "is going on in another window" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_told_once_and_the_one_before_is_used(run: Path, capsys: Captured) -> None:
    newest = run / CHECKPOINTS / checkpoints(run)[-1]
    (newest / "weights.safetensors").write_bytes(b"")
    assert main(["resume", run.name, "--json"]) == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    text = " ".join(line["text"] for line in lines if line["event"] == "notice")
    assert text.count("is damaged") == 1
    assert text.count("The one before is used: 0001 epoch 0 batch 0.") == 1
    assert "damaged" not in err
    assert lines[-1]["outcome"] == "completed"


def test_a_full_disk_is_told_and_tried_again_until_there_is_room(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_module, "RETRY_SECONDS", 0.0)
    make_folder, left = Disk.make_folder, [3]

    def full(disk: Disk, path: Path) -> None:
        if path.name.startswith("0002") and left[0]:
            left[0] -= 1
            raise OSError(28, os.strerror(28), str(path))
        make_folder(disk, path)

    monkeypatch.setattr(Disk, "make_folder", full)
    assert main(SMALL) == 0
    out, err = capsys.readouterr()
    assert err.count("The disk is full") == 3
    assert "tries again" in err
    ended = json.loads(out.splitlines()[-1])
    assert ended["outcome"] == "completed"
    assert newest_checkpoint(Path(ended["paths"]["run"])).state["epoch"] == 2


def test_a_write_that_is_refused_for_a_moment_is_not_spoken_of(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_folder, left = Disk.make_folder, [2]

    def scanned(disk: Disk, path: Path) -> None:
        if path.name.startswith("0002") and left[0]:
            left[0] -= 1
            raise PermissionError(13, os.strerror(13), str(path))
        make_folder(disk, path)

    monkeypatch.setattr(retrying, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(Disk, "make_folder", scanned)
    assert main(SMALL) == 0
    out, err = capsys.readouterr()
    assert left == [0]
    assert err == ""
    assert json.loads(out.splitlines()[-1])["outcome"] == "completed"


def test_a_recipe_is_remembered_by_its_name(capsys: Captured) -> None:
    assert main(["train", "--recipe", "digits_first_steps", "--epochs", "1", "--device", "cpu", "--json"]) == 0
    assert read_facts(Path(objects(capsys)[-1]["paths"]["run"])).recipe == "digits_first_steps"


def test_a_state_that_does_not_fit_ends_in_a_sentence(
    run: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def misfit(*_: Any) -> None:
        raise StateMismatch("the layers have other names")

    monkeypatch.setattr("desktop_trainer.engine.training.restore", misfit)
    assert main(["resume", run.name, "--epochs", "3"]) == 1
    assert capsys.readouterr().err == f"desktop-trainer: {StateMismatch('the layers have other names')}\n"


def test_nothing_is_left_frozen_for_which_extension_modules_would_be_blamed_at_the_end(run: Path) -> None:
    """What is never collected is never freed: Triton's bindings then print thirty lines "nanobind: leaked ..."."""
    gc.unfreeze()
    assert main(["resume", run.name, "--epochs", "3"]) == 0
    assert gc.get_freeze_count() == 0


def test_a_resumed_run_ends_without_a_word_on_stderr(run: Path) -> None:
    command = [sys.executable, "-m", "desktop_trainer", "resume", str(run), "--epochs", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_a_run_that_did_all_of_its_epochs_says_how_to_train_it_further(run: Path, capsys: Captured) -> None:
    assert main(["resume", run.name, "--json"]) == 0
    command = f"desktop-trainer resume '{run.name}' --epochs 4"
    assert command in capsys.readouterr().err
    assert main(shlex.split(command)[1:]) == 0
    assert "resume" not in capsys.readouterr().err
    assert [event.epoch for event in read_journal(run).epochs] == [1, 2, 3, 4]
