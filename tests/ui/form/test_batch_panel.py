"""The batch arithmetic as it is shown: the figures of the tutorials, half-typed drafts, and the picture."""

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from desktop_trainer.experiment.batches import BatchPlan
from desktop_trainer.ui.form.batch_panel import BatchBar, BatchPlanPanel, describe_test, describe_training, plans_of


def _draft(
    batch_size: Any, *, drop_last: bool = False, dataset: Any = "fashion_mnist", **training: Any
) -> dict[str, Any]:
    return {"data": {"dataset": dataset, "batch_size": batch_size, "drop_last": drop_last}, "training": training}


def _panel(qtbot: QtBot, values: dict[str, Any]) -> BatchPlanPanel:
    panel = BatchPlanPanel()
    qtbot.addWidget(panel)
    panel.show_values(values)
    return panel


def test_the_tutorials_figures_are_shown_with_their_formula(qtbot: QtBot) -> None:
    panel = _panel(qtbot, _draft(256, epochs=5))
    assert panel.text.split("\n") == [
        "Images: 28\u00a0x\u00a028, 1 channel",
        "Training: (60000 + 256 - 1) // 256 = 235",
        "234 full + 96 → 235 batches an epoch",
        "Test: (10000 + 256 - 1) // 256 = 40",
        "39 full + 16 → 40 batches",
        "Optimizer steps: 235 × 5 epochs = 1 175",
    ]


def test_a_test_batch_size_of_its_own_changes_the_test_sets_formula_only(qtbot: QtBot) -> None:
    draft = _draft(256)
    draft["data"]["test_batch_size"] = 4096
    text = _panel(qtbot, draft).text
    assert "(60000 + 256 - 1) // 256 = 235" in text
    assert "Test: (10000 + 4096 - 1) // 4096 = 3" in text


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (32, "Images: 28\u00a0x\u00a028 → 32\u00a0x\u00a032, 1 channel"),
        (28, "Images: 28\u00a0x\u00a028, 1 channel"),
        ("", "Training"),
    ],
)
def test_what_the_model_gets_is_said_beside_the_arithmetic(size: object, said: str, qtbot: QtBot) -> None:
    """While the size is being typed the arithmetic stays."""
    draft = _draft(256)
    draft["data"]["image_size"] = size
    panel = _panel(qtbot, draft)
    assert panel.text.startswith(said)
    assert "= 235" in panel.text


def test_with_drop_last_the_samples_left_out_are_counted(qtbot: QtBot) -> None:
    text = _panel(qtbot, _draft(256, drop_last=True)).text
    assert "60000 // 256 = 234" in text
    assert "96 samples are left out of each epoch" in text
    assert "(10000 + 256 - 1) // 256 = 40" in text


@pytest.mark.parametrize(
    ("plan", "meaning"),
    [
        (BatchPlan(100, 10), "10 full → 10 batches an epoch"),
        (BatchPlan(100, 10, drop_last=True), "10 full → 10 batches an epoch"),
        (BatchPlan(5, 10), "a single batch an epoch, of 5 samples"),
        (BatchPlan(1, 10), "a single batch an epoch, of 1 sample"),
        (BatchPlan(5, 10, drop_last=True), "no batch at all\n5 samples are left out of each epoch"),
        (BatchPlan(21, 10, drop_last=True), "2 full → 2 batches an epoch\n1 sample is left out of each epoch"),
    ],
)
def test_what_a_formula_means_is_said_for_every_kind_of_end(plan: BatchPlan, meaning: str) -> None:
    assert describe_training(plan).partition("\n")[2] == meaning


def test_a_test_set_of_one_batch_is_told_in_words() -> None:
    assert describe_test(BatchPlan(297, 512)).endswith("a single batch of 297 samples")


def test_other_settings_may_be_wrong_meanwhile(qtbot: QtBot) -> None:
    values = {**_draft(100, epochs="ten"), "model": "no such model", "optimizer": {"name": "sgd", "lr": "fast"}}
    text = _panel(qtbot, values).text
    assert "= 600" in text
    assert "Optimizer steps" not in text


@pytest.mark.parametrize("size", ["", "12x", 0, -3, 10**7])
def test_a_wrong_batch_size_is_no_arithmetic(qtbot: QtBot, size: object) -> None:
    panel = _panel(qtbot, _draft(size))
    assert plans_of(_draft(size)) is None
    assert "//" not in panel.text
    assert panel.bar.isHidden()


def test_the_size_of_a_made_up_dataset_counts(qtbot: QtBot) -> None:
    panel = _panel(qtbot, _draft(8, dataset={"name": "synthetic", "train_samples": 81, "test_samples": 8}))
    assert "(81 + 8 - 1) // 8 = 11" in panel.text
    assert "1 full + 0" not in panel.text


def test_what_is_not_in_the_draft_has_its_default() -> None:
    plans = plans_of({})
    assert plans is not None
    assert (plans.train.samples, plans.train.batch_size, plans.epochs) == (1500, 256, 10)


def test_the_text_can_be_selected_and_is_what_a_screen_reader_says(qtbot: QtBot) -> None:
    panel = _panel(qtbot, _draft(256))
    assert panel.objectName() == "batch_plan"
    assert panel.accessibleDescription() == panel.text
    for label in panel.findChildren(QLabel):
        assert label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse


@pytest.mark.parametrize(
    ("plan", "cells"),
    [
        (BatchPlan(1500, 256), 5),
        (BatchPlan(60_000, 256), 1),
        (BatchPlan(10, 20), 0),
        (BatchPlan(10, 20, drop_last=True), 0),
        (BatchPlan(1_000_000, 1), 1),
    ],
)
def test_a_cell_stands_for_a_batch_while_there_is_room(qtbot: QtBot, plan: BatchPlan, cells: int) -> None:
    bar = BatchBar()
    qtbot.addWidget(bar)
    bar.resize(300, 12)
    bar.show_plan(plan)
    full, last = bar.cells()
    assert len(full) == cells
    assert (last is not None) == bool(plan.remainder)
    assert last is None or last.width() >= 3
    assert all(bar.rect().adjusted(0, 0, 1, 1).toRectF().contains(cell) for cell in [*full, *([last] if last else [])])


def test_samples_left_out_look_unlike_a_last_batch(qtbot: QtBot) -> None:
    bar = BatchBar()
    qtbot.addWidget(bar)
    bar.resize(300, 12)
    pictures: list[QImage] = []
    for drop_last in (False, True):
        bar.show_plan(BatchPlan(1500, 256, drop_last))
        pictures.append(bar.grab().toImage())
    assert pictures[0] != pictures[1]
