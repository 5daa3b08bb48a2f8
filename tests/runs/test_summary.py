"""A run at a glance: its small files and its journal, whichever of them are damaged, missing or newer."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.runs.lock import RunLock
from desktop_trainer.runs.run_folder import (
    CHECKPOINTS,
    EVENTS,
    EXPERIMENT,
    MANIFEST,
    NOTES,
    RUN,
    NewerRun,
    NotARun,
    Notes,
    new_facts,
    read_facts,
    read_notes,
    write_facts,
    write_notes,
)
from desktop_trainer.runs.summary import read_summary
from tests.runs.conftest import epoch_ended, make_run


@pytest.fixture(params=["plain", "with spaces", "中文 🎛️"])
def run(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return make_run(tmp_path / request.param)


def test_facts_keep_the_settings_of_this_machine_apart(tmp_path: Path) -> None:
    experiment = parse_experiment({"data": {"data_root": "/somewhere/of/mine"}, "device": {"threads": 3}})
    facts = new_facts(experiment, "lenet_sgd")
    write_facts(tmp_path, facts)
    assert read_facts(tmp_path) == facts
    assert facts.local["data.data_root"] == "/somewhere/of/mine"
    assert facts.local["device.threads"] == 3
    assert new_facts(experiment).id != facts.id


def test_notes_come_back_and_damaged_ones_hide_nothing(tmp_path: Path) -> None:
    notes = Notes(("best", "论文"), "Try\nwithout dropout 🎛️")
    write_notes(tmp_path, notes)
    assert read_notes(tmp_path) == notes
    for content in (b"", b"\xff", b"[]", b'{"tags": 3, "note": ""}', b'{"tags": [1], "note": "x"}', b"[" * 100_000):
        (tmp_path / NOTES).write_bytes(content)
        assert read_notes(tmp_path) == Notes()


def test_a_whole_run(run: Path) -> None:
    write_notes(run, Notes(("a", "b"), "mine"))
    summary = read_summary(run)
    assert (summary.name, summary.folder, summary.outcome, summary.reason) == (run.name, run, "completed", "")
    assert summary.recipe == "digits_first_steps"
    assert (summary.epoch, summary.batch, summary.epochs, summary.batches_per_epoch) == (3, 0, 3, 6)
    assert (summary.last, summary.best) == (epoch_ended(3, 0.6), epoch_ended(2, 0.7))
    assert (summary.seconds, summary.tags, summary.note, summary.checkpoint) == (7.5, ("a", "b"), "mine", False)
    assert summary.values["model"]["name"] == "mlp"
    assert "data_root" not in summary.values["data"]
    assert summary.created.utcoffset() is not None
    assert summary.id == read_facts(run).id


def test_of_epochs_that_are_equally_good_the_first_is_best(tmp_path: Path) -> None:
    best = read_summary(make_run(tmp_path / "run", accuracies=(0.5, 0.7, 0.7))).best
    assert best is not None
    assert best.epoch == 2


def test_how_it_ended_or_that_it_was_cut_off_or_goes_on(tmp_path: Path) -> None:
    ended = read_summary(make_run(tmp_path / "a", outcome="diverged"))
    assert (ended.outcome, ended.reason) == ("diverged", "It diverged.")
    cut = make_run(tmp_path / "b", outcome="")
    assert read_summary(cut).outcome == "interrupted"
    with RunLock(cut):
        assert read_summary(cut).outcome == "running"
    (cut / EVENTS).unlink()
    assert read_summary(cut).outcome == "new"


def test_only_a_checkpoint_that_was_written_to_its_end_counts(run: Path) -> None:
    (run / CHECKPOINTS / "0001 epoch 1").mkdir(parents=True)
    assert not read_summary(run).checkpoint
    (run / CHECKPOINTS / "0001 epoch 1" / MANIFEST).write_text("{}")
    assert read_summary(run).checkpoint


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"format": 1}', b'{"format": "one"}', b"x" * 3_000_000])
def test_a_run_whose_facts_or_settings_were_lost_is_found_all_the_same(run: Path, content: bytes | None) -> None:
    whole = read_summary(run)
    for name in (RUN, EXPERIMENT):
        before = (run / name).read_bytes()
        if content is None:
            (run / name).unlink()
        elif name == RUN or content != b'{"format": 1}':
            (run / name).write_bytes(content)
        found = read_summary(run)
        assert (found.values, found.last, found.outcome) == (whole.values, whole.last, "completed")
        (run / name).write_bytes(before)


def test_a_folder_without_facts_settings_and_journal_is_no_run(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "gone"):
        with pytest.raises(NotARun, match="is not the folder of a run"):
            read_summary(folder)


def test_a_run_of_a_newer_version_is_said_and_left_alone(run: Path) -> None:
    newer = {**json.loads((run / RUN).read_text()), "format": 2}
    (run / RUN).write_text(json.dumps(newer))
    with pytest.raises(NewerRun, match="newer version of this program"):
        read_summary(run)
    assert json.loads((run / RUN).read_text()) == newer


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_pipes_in_place_of_files_do_not_hold_anybody_up(run: Path) -> None:
    for name in (RUN, NOTES, EVENTS):
        (run / name).unlink(missing_ok=True)
        os.mkfifo(run / name)
    assert read_summary(run).outcome == "new"


@pytest.mark.parametrize("name", [EXPERIMENT, EVENTS])
def test_so_is_one_whose_settings_or_journal_are_in_a_newer_format(run: Path, name: str) -> None:
    first, *rest = (run / name).read_text(encoding="utf-8").splitlines() if name == EVENTS else ["", ""]
    if name == EVENTS:
        text = "\n".join([json.dumps({**json.loads(first), "format": 99}), *rest, ""])
    else:
        text = json.dumps({**json.loads((run / name).read_text()), "format": 99})
    (run / name).write_text(text, encoding="utf-8")
    with pytest.raises(NewerRun, match="newer version of this program"):
        read_summary(run)
    assert (run / name).read_text(encoding="utf-8") == text
