"""The session: one run at a time, and what may follow what."""

import gc
import shutil
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from desktop_trainer.engine.events import BatchEnded, EpochEnded, Event, RunEnded
from desktop_trainer.experiment.fields import to_values, with_value
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.ui.session import RunState, Session

VALUES: dict[str, Any] = {
    "data": {"dataset": {"name": "synthetic", "train_samples": 100, "test_samples": 50, "size": 4}, "batch_size": 10},
    "training": {"epochs": 2},
}
ENDLESS = {**VALUES, "training": {"epochs": 100_000}}


HEARD: list[Event] = []


@pytest.fixture
def session(qtbot: QtBot) -> Iterator[Session]:
    session = Session()
    session.happened.connect(HEARD.append)
    HEARD.clear()
    yield session
    session.stop()
    qtbot.waitUntil(lambda: not session.active, timeout=30_000)
    session.deleteLater()


def finish(qtbot: QtBot, session: Session, values: dict[str, Any] = VALUES) -> RunEnded:
    with qtbot.waitSignal(session.ended, timeout=30_000) as caught:
        session.start(parse_experiment(values))
    assert isinstance(caught.args[0], RunEnded)
    return caught.args[0]


def go_on(session: Session, epochs: int) -> None:
    """Continue the last run, until it has done so many epochs."""
    assert session.experiment is not None
    assert session.last_folder is not None
    values = with_value(to_values(session.experiment), "training.epochs", epochs)
    session.reopen(session.last_folder, parse_experiment(values), {"training.epochs": epochs})


def until_training(qtbot: QtBot, session: Session) -> None:
    qtbot.waitUntil(lambda: any(isinstance(event, BatchEnded) for event in HEARD), timeout=30_000)


def test_a_run_ends_with_a_model_and_its_files(qtbot: QtBot, session: Session) -> None:
    ended = finish(qtbot, session)
    assert ended.outcome == "completed"
    assert session.model is not None
    assert Path(ended.paths["model"]).exists()
    assert session.state is RunState.IDLE


def test_start_twice_and_stop_twenty_times_is_one_run(qtbot: QtBot, session: Session) -> None:
    began: list[bool] = []
    session.began.connect(began.append)
    session.start(parse_experiment(ENDLESS))
    session.start(parse_experiment(ENDLESS))
    until_training(qtbot, session)
    with qtbot.waitSignal(session.ended, timeout=30_000) as caught:
        for _ in range(20):
            session.stop()
    assert caught.args[0].outcome == "stopped"
    assert began == [True]


def test_a_stopped_run_goes_on_to_its_planned_end_as_if_never_stopped(qtbot: QtBot, session: Session) -> None:
    whole = finish(qtbot, session, {**VALUES, "training": {"epochs": 20}})
    assert session.model is not None
    expected = session.model.weights
    HEARD.clear()
    session.start(parse_experiment({**VALUES, "training": {"epochs": 20}}), step=True)
    qtbot.waitUntil(lambda: session.state is RunState.PAUSED, timeout=30_000)
    with qtbot.waitSignal(session.ended, timeout=30_000):
        session.stop()
    began: list[bool] = []
    session.began.connect(began.append)
    with qtbot.waitSignal(session.ended, timeout=30_000) as caught:
        go_on(session, 20)
    assert caught.args[0].epoch == whole.epoch == 20
    assert began == [False]
    assert all((session.model.weights[name] == expected[name]).all() for name in expected)
    losses = [event.records.loss for event in HEARD if isinstance(event, BatchEnded) and event.records is not None]
    assert sum(map(len, losses)) == 200


def test_a_completed_run_can_be_trained_as_long_again(qtbot: QtBot, session: Session) -> None:
    finish(qtbot, session)
    with qtbot.waitSignal(session.ended, timeout=30_000) as caught:
        go_on(session, 4)
    assert caught.args[0].epoch == 4
    assert [event.epoch for event in HEARD if isinstance(event, EpochEnded)] == [1, 2, 3, 4]


def test_a_discarded_run_comes_back_with_its_model(qtbot: QtBot, session: Session) -> None:
    ended = finish(qtbot, session)
    session.discard_last()
    assert not Path(ended.paths["run"]).exists()
    assert session.model is None
    session.undo_discard()
    assert Path(ended.paths["model"]).exists()
    assert session.model is not None
    assert session.can_continue


def test_discard_while_running_stops_first(qtbot: QtBot, session: Session) -> None:
    session.start(parse_experiment(ENDLESS))
    until_training(qtbot, session)
    with qtbot.waitSignal(session.discarded, timeout=30_000):
        session.stop(discard=True)
    assert session.can_undo_discard
    assert session.model is None


def test_after_the_next_start_a_discarded_run_still_lies_in_the_bin(qtbot: QtBot, session: Session, home: Path) -> None:
    """Another window may want to bring it back; only what was discarded long ago goes."""
    finish(qtbot, session)
    session.discard_last()
    assert len(list((home / "runs" / ".bin").iterdir())) == 1
    finish(qtbot, session)
    assert len(list((home / "runs" / ".bin").iterdir())) == 1
    assert not session.can_undo_discard


def test_a_run_that_never_came_to_train_cannot_be_discarded_and_leaves_the_one_before(
    qtbot: QtBot, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desktop_trainer.runs import store
    from desktop_trainer.runs.files import SaveFailed

    ended = finish(qtbot, session)

    def no_folder(*_: object) -> Path:
        raise SaveFailed("no room")

    monkeypatch.setattr(store, "new_folder", no_folder)
    with qtbot.waitSignal(session.failed, timeout=30_000) as caught:
        session.start(parse_experiment(VALUES))
        session.stop(discard=True)
    assert "no room" in str(caught.args[0])
    assert Path(ended.paths["model"]).exists()
    assert session.model is not None


def test_a_run_whose_folder_is_gone_cannot_be_discarded_and_says_so(qtbot: QtBot, session: Session) -> None:
    ended = finish(qtbot, session)
    shutil.rmtree(ended.paths["run"])
    with qtbot.waitSignal(session.failed, timeout=5_000) as caught:
        session.discard_last()
    assert ended.paths["run"] in str(caught.args[0])
    assert session.model is not None


def test_discard_can_be_undone_after_another_model_was_opened(qtbot: QtBot, session: Session) -> None:
    ended = finish(qtbot, session)
    assert session.model is not None
    other = replace(session.model, metrics={})
    session.discard_last()
    session.set_model(other)
    session.undo_discard()
    assert Path(ended.paths["model"]).exists()
    assert session.model is not other
    assert session.can_continue


def test_an_error_ends_the_run_and_start_works_again(qtbot: QtBot, session: Session) -> None:
    absent = {**VALUES, "device": {"name": "cuda:99"}}
    with qtbot.waitSignal(session.failed, timeout=30_000) as caught:
        session.start(parse_experiment(absent))
    assert "cuda:99" in str(caught.args[0])
    assert session.state is RunState.IDLE
    assert finish(qtbot, session).outcome == "completed"


def test_a_model_can_be_had_in_the_middle_of_a_run(qtbot: QtBot, session: Session) -> None:
    session.start(parse_experiment(ENDLESS))
    until_training(qtbot, session)
    models: list[Any] = []
    session.with_model(models.append)
    qtbot.waitUntil(lambda: bool(models), timeout=30_000)
    assert session.state is RunState.RUNNING
    assert models[0].weights


def test_a_save_that_fails_pauses_and_resume_tries_again(
    qtbot: QtBot, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desktop_trainer.runs.events import SaveProblem
    from desktop_trainer.runs.files import Disk

    session.start(parse_experiment({**ENDLESS, "saving": {"every_batches": 1}}))
    until_training(qtbot, session)
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(Disk, "make_folder", full)
        qtbot.waitUntil(lambda: session.state is RunState.PAUSED, timeout=30_000)
        assert any(isinstance(event, SaveProblem) for event in HEARD)
    HEARD.clear()
    session.resume()
    until_training(qtbot, session)
    assert session.state is RunState.RUNNING


def test_a_run_of_another_day_goes_on_with_its_curves(qtbot: QtBot, session: Session) -> None:
    ended = finish(qtbot, session)
    experiment, model = session.experiment, session.model
    assert experiment is not None
    assert model is not None
    session.set_model(model)  # so that it is no longer the run at hand
    HEARD.clear()
    with qtbot.waitSignal(session.ended, timeout=30_000) as caught:
        session.reopen(Path(ended.paths["run"]), experiment, {"training.epochs": 3})
    assert caught.args[0].epoch == 3
    assert [event.epoch for event in HEARD if isinstance(event, EpochEnded)] == [1, 2, 3]
    assert session.can_continue


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[weakref.ref[Any]]]:
    """What each run has in memory when it ends; cyclic garbage counts as held, for nobody may collect it for long."""
    from desktop_trainer.engine.training import Training

    things: list[weakref.ref[Any]] = []
    let_go = Training._let_go

    def note(training: Training) -> None:
        things.extend(map(weakref.ref, (training, training.model, training.optimizer, training.prepared.train)))
        let_go(training)

    monkeypatch.setattr(Training, "_let_go", note)
    gc.disable()
    yield things
    gc.enable()


def still_held(held: list[weakref.ref[Any]]) -> list[Any]:
    return [thing for each in held if (thing := each()) is not None]


@pytest.mark.parametrize("model", ["softmax", {"name": "mlp", "dropout": 0.5}, "lenet"])
@pytest.mark.parametrize("placement", ["memory", "stream"])
def test_of_a_run_that_has_ended_nothing_is_in_memory_but_its_model(
    qtbot: QtBot, session: Session, held: list[weakref.ref[Any]], placement: str, model: Any
) -> None:
    """Its data, optimizer and parameters would lack the next one; it can go on all the same, from its folder."""
    data = VALUES["data"] | {"placement": placement, "workers": 0, "image_size": 16}
    finish(qtbot, session, {**VALUES, "data": data, "model": model, "optimizer": "adam"})
    qtbot.waitUntil(lambda: not still_held(held), timeout=5_000)
    assert len(held) == 4
    assert session.model is not None
    with qtbot.waitSignal(session.ended, timeout=30_000) as caught:
        go_on(session, 4)
    assert caught.args[0].epoch == 4
    qtbot.waitUntil(lambda: not still_held(held), timeout=5_000)
    assert len(held) == 8


def test_nor_of_one_that_failed_whose_error_is_still_shown(
    qtbot: QtBot, session: Session, held: list[weakref.ref[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The traceback keeps its lines for whoever reports it, but not what the functions had in hand."""
    from desktop_trainer.engine.step import Step

    def fail(*_: object) -> None:
        raise RuntimeError("no reason")

    monkeypatch.setattr(Step, "__call__", fail)
    with qtbot.waitSignal(session.failed, timeout=30_000) as caught:
        session.start(parse_experiment(VALUES))
    qtbot.waitUntil(lambda: not still_held(held), timeout=5_000)
    assert len(held) == 4
    assert caught.args[0].__traceback__ is not None


def test_nor_of_one_that_was_stopped_or_discarded(qtbot: QtBot, session: Session, held: list[weakref.ref[Any]]) -> None:
    for discard in (False, True):
        HEARD.clear()
        session.start(parse_experiment(ENDLESS))
        until_training(qtbot, session)
        with qtbot.waitSignal(session.discarded if discard else session.ended, timeout=30_000):
            session.stop(discard=discard)
        qtbot.waitUntil(lambda: not still_held(held), timeout=5_000)
    assert len(held) == 8
    assert session.can_undo_discard
