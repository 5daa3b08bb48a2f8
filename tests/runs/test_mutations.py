"""Thousands of damaged and forged files of runs: each reader gives a valid value or its own error, and nothing else
happens.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from desktop_trainer.engine.events import BatchEnded, EpochEnded, RunStarted
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.fields import shared_values
from desktop_trainer.experiment.problems import ExperimentError, parse_experiment, read_experiment
from desktop_trainer.runs.checkpoint import OPTIMIZER, WEIGHTS, load_checkpoint, save_checkpoint
from desktop_trainer.runs.checkpoint_errors import CheckpointError
from desktop_trainer.runs.checkpoint_folders import all_names
from desktop_trainer.runs.history import read_journal
from desktop_trainer.runs.index import INDEX, RunIndex
from desktop_trainer.runs.index_cache import _checksum
from desktop_trainer.runs.model_file import ModelFileError, load_model
from desktop_trainer.runs.recording import Recording
from desktop_trainer.runs.resume import reopen
from desktop_trainer.runs.run_folder import (
    CHECKPOINTS,
    EVENTS,
    EXPERIMENT,
    MANIFEST,
    NOTES,
    RUN,
    STATE,
    NotARun,
    Notes,
    read_notes,
    write_notes,
)
from desktop_trainer.runs.summary import RunSummary, read_summary
from tests.mutations import cases, edited, spoilt
from tests.runs.conftest import SMALL, Hasty, make_run
from tests.runs.test_mutated_models import OURS, metadata_of, with_header


@pytest.fixture(autouse=True)
def torchs_random_numbers_stay() -> Iterator[None]:
    before = torch.get_rng_state()
    yield
    assert torch.equal(before, torch.get_rng_state())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, state_after: Any) -> Path:
    """A run with all its files and two checkpoints; what a test spoils it mends."""
    folder = make_run(tmp_path_factory.mktemp("runs") / "run")
    write_notes(folder, Notes(("good", "最好"), "Look at the second epoch."))
    for batches in (3, 5):
        save_checkpoint(folder, {**state_after(batches), "experiment": shared_values(parse_experiment(SMALL))})
    return folder


@contextmanager
def content_of(path: Path, content: bytes) -> Iterator[None]:
    """While its block runs, `path` holds something else."""
    whole = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(whole)


def loads_or_says_why(folder: Path, *, resigned: str = "") -> None:
    """The newest checkpoint, once the manifest has been made to fit the file `resigned`."""
    name = all_names(folder)[-1]
    place = folder / CHECKPOINTS / name
    manifest = (place / MANIFEST).read_bytes()
    if resigned:
        values, data = json.loads(manifest), (place / resigned).read_bytes()
        values["files"][resigned] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        (place / MANIFEST).write_text(json.dumps(values))
    try:
        state, _ = load_checkpoint(folder, name)
        assert state["epoch"] >= 0 <= state["batch"]
        assert {"model", "optimizer", "recorder", "seconds"} <= state.keys()
    except CheckpointError as error:
        str(error).encode()
    finally:
        (place / MANIFEST).write_bytes(manifest)


@pytest.mark.parametrize("file", [WEIGHTS, OPTIMIZER, STATE, MANIFEST])
@pytest.mark.parametrize("forged", [False, True], ids=["damaged", "forged"])
def test_any_checkpoint_is_read_or_refused(run: Path, file: str, forged: bool) -> None:
    """Whoever forges one makes its manifest fit, so that no digest stands before the other checks."""
    path = run / CHECKPOINTS / all_names(run)[-1] / file
    whole = path.read_bytes()
    if file in (STATE, MANIFEST):
        contents = spoilt(whole, OURS) | edited(whole)
    else:
        size = 8 + int.from_bytes(whole[:8], "little")
        contents = spoilt(whole, OURS) | edited(whole[8:size]).map(lambda head: with_header(head, whole[size:]))

    @cases(80 if file == MANIFEST or not forged else 200)
    @given(contents)
    def check(content: bytes) -> None:
        with content_of(path, content):
            loads_or_says_why(run, resigned=file if forged and file != MANIFEST else "")

    check()


TEXTS = {RUN: 150, EXPERIMENT: 200, NOTES: 100}


@pytest.mark.parametrize("file", TEXTS)
def test_any_file_of_a_run_is_read_or_refused_and_the_list_stands(run: Path, file: str) -> None:
    """What is read can be shown, kept in the index, and written again."""
    whole = (run / file).read_bytes()

    @cases(TEXTS[file])
    @given(spoilt(whole, OURS) | edited(whole))
    def check(content: bytes) -> None:
        with content_of(run / file, content):
            try:
                summary = read_summary(run)
            except NotARun as error:
                str(error).encode()
                listed = RunIndex(run.parent).refresh()
                assert listed == []
                return
            assert RunIndex(run.parent).refresh() == [summary]
            assert read_notes(run) == Notes(summary.tags, summary.note)
            with suppress(ExperimentError):
                parse_experiment(summary.values)

    check()


def test_any_journal_is_read_and_can_be_shown(run: Path) -> None:
    whole = (run / EVENTS).read_bytes()
    lines = whole.splitlines()
    odd = st.sampled_from([b"\xff\xfe{}", b"[" * 5000, b'{"kind":' + b"9" * 5000 + b"}", b"{" * 900, b"\0" * 100])
    line = st.sampled_from(lines).flatmap(lambda one: edited(one) | spoilt(one, *lines)) | odd
    journals = st.lists(st.tuples(st.integers(0, len(lines)), line), min_size=1, max_size=4)

    @cases(200)
    @given(journals, st.integers(0, 40))
    def check(changes: list[tuple[int, bytes]], torn: int) -> None:
        content = list(lines)
        for place, changed in changes:
            content[place : place + place % 2] = [changed]
        data = b"\n".join(content) + b"\n"
        with content_of(run / EVENTS, data[: len(data) - torn]):
            said = read_journal(run)
            shown = [event for event in said.events() if isinstance(event, EpochEnded)]
            assert shown == said.epochs
            places = [(block.epoch, block.first + row) for block in said.records for row in range(len(block))]
            assert places == sorted(set(places))
            assert said.skipped <= len(content)
            assert RunIndex(run.parent).refresh() == [read_summary(run)]

    check()


def test_whatever_the_index_holds_the_list_is_that_of_the_folders(run: Path) -> None:
    truth = RunIndex(run.parent).refresh()
    path = run.parent / INDEX
    whole = path.read_bytes()

    @cases(400)
    @given(spoilt(whole, OURS))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        assert RunIndex(run.parent).refresh() == truth

    check()


def test_a_forged_row_of_the_index_is_a_summary_or_not_believed(run: Path) -> None:
    """Its checksum is right: a folder of runs may come from somebody else, with its index."""
    RunIndex(run.parent).refresh()
    path = run.parent / INDEX
    with closing(sqlite3.connect(path)) as connection:
        name, signature, text, settings, _ = connection.execute("SELECT * FROM runs").fetchone()
    kinds = {item.name: item for item in fields(RunSummary)}
    assert kinds.keys() >= json.loads(text).keys()

    @cases(150)
    @given(st.sampled_from(["summary", "settings"]).flatmap(lambda part: st.tuples(st.just(part), edited(text))))
    def check(forged: tuple[str, bytes]) -> None:
        part, content = forged
        values = (content.decode(), settings) if part == "summary" else (text, f'"data"\t{content.decode()}')
        with closing(sqlite3.connect(path)) as connection, connection:
            row = name, signature, *values, _checksum(name, signature, *values)
            connection.execute("DELETE FROM runs")
            connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", row)
        (summary,) = RunIndex(run.parent).refresh()
        assert type(summary.created) is datetime
        assert type(summary.epoch) is int
        assert isinstance(summary.last, EpochEnded | None)
        assert all(isinstance(tag, str) for tag in summary.tags)

    check()
    path.unlink()


def test_any_experiment_is_read_or_refused() -> None:
    whole = json.dumps(shared_values(parse_experiment(SMALL)))

    @cases(400)
    @given(spoilt(whole.encode(), OURS) | edited(whole))
    def check(content: bytes) -> None:
        try:
            read_experiment(content.decode(errors="replace"))
        except ExperimentError as error:
            str(error).encode()

    check()


@pytest.mark.parametrize("nested", ["[{}]", '{{"a":{}}}'])
@pytest.mark.parametrize("depth", [45, 100, 300, *range(800, 1000, 40)])
def test_no_depth_of_nesting_exhausts_the_stack(run: Path, nested: str, depth: int) -> None:
    """Where a reader's own limit lies depends on how deep it was called: what it takes, all others must be able to
    walk.
    """
    before, after = nested.split("{}")[0].replace("{{", "{"), nested.split("{}")[-1].replace("}}", "}")
    text = before * depth + "1" + after * depth
    with suppress(ExperimentError):
        read_experiment(f'{{"model": {text}}}')
    header = json.dumps({"a": {"dtype": 1, "shape": [], "data_offsets": [0, 0]}}).replace("1", text, 1).encode()
    for content in (
        with_header(header, b""),
        metadata_of(text.encode(), "experiment"),
        metadata_of(text.encode(), "metrics"),
    ):
        (run / "model").write_bytes(content)
        with pytest.raises(ModelFileError):
            load_model(run / "model")
    for file in (EXPERIMENT, RUN, NOTES):
        values = json.loads((run / file).read_text())
        with content_of(run / file, json.dumps({**values, "local": 7}).replace("7", text).encode()):
            assert [summary.name for summary in RunIndex(run.parent).refresh()] == ["run"]
    path = run / CHECKPOINTS / all_names(run)[-1] / STATE
    with content_of(path, path.read_bytes()[:-1] + b',"extra":' + text.encode() + b"}"):
        loads_or_says_why(run, resigned=STATE)


def test_a_forged_state_of_a_real_run_goes_on_or_says_why(tmp_path: Path) -> None:
    """torch looks at little of a state; what it would stumble over later is found before the first batch."""
    before = torch.get_rng_state()
    experiment = parse_experiment({**SMALL, "saving": {"every_minutes": 0}})
    (tmp_path / "real").mkdir()
    events = Recording(Training(experiment), tmp_path / "real").events()
    assert any(isinstance(event, BatchEnded) and event.batch == 3 for event in events)
    events.close()
    state = Path(CHECKPOINTS, all_names(tmp_path / "real")[-1], STATE)
    whole = (tmp_path / "real" / state).read_bytes()
    said: set[str] = set()

    @cases(120)
    @given(edited(whole))
    def check(content: bytes) -> None:
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        shutil.copytree(tmp_path / "real", tmp_path / "copy")
        (tmp_path / "copy" / state).write_bytes(content)
        manifest = (tmp_path / "copy" / state).with_name(MANIFEST)
        values = json.loads(manifest.read_text())
        values["files"][STATE] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        manifest.write_text(json.dumps(values))
        for other in all_names(tmp_path / "copy")[:-1]:
            shutil.rmtree(tmp_path / "copy" / CHECKPOINTS / other)
        try:
            resumed = reopen(tmp_path / "copy", disk=Hasty()).events()
            with closing(resumed):
                assert any(isinstance(event, RunStarted) for event in resumed)
            said.add("went on")
        except (CheckpointError, ExperimentError) as error:
            said.add(type(error).__name__)

    check()
    torch.set_rng_state(before)  # a run has its own, and a run was begun
    assert {"went on", "CheckpointDamaged"} <= said  # by chance, too: another run's settings
