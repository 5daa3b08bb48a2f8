"""The form stays where it is: under the mouse when messages come, and when it is locked for a run."""

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QToolButton
from pytestqt.qtbot import QtBot

from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.ui.form.form import ExperimentForm
from desktop_trainer.ui.form.steady import SteadyScrollArea
from tests.ui.conftest import child
from tests.ui.form.test_editors import turn_wheel


@pytest.fixture
def form(qtbot: QtBot) -> ExperimentForm:
    """The form on LeNet and Fashion-MNIST, shown, 320 x 560."""
    form = ExperimentForm(parse_experiment({"data": {"dataset": "fashion_mnist"}, "model": "lenet"}))
    qtbot.addWidget(form)
    form.resize(320, 560)
    with qtbot.waitActive(form):
        form.show()
        form.activateWindow()
    return form


def _scroll(form: ExperimentForm) -> SteadyScrollArea:
    found = form.findChild(SteadyScrollArea)
    assert found is not None
    return found


def test_locking_leaves_the_form_where_it_is_and_unlocking_gives_the_focus_back(
    form: ExperimentForm, qtbot: QtBot
) -> None:
    form.more_shown = True
    control = form.editor("data.batch_size").control
    control.setFocus()
    form.set_enabled_for_run(False)
    assert _scroll(form).verticalScrollBar().value() == 0
    assert not control.hasFocus()
    form.set_enabled_for_run(True)
    assert control.hasFocus()
    assert _scroll(form).verticalScrollBar().value() == 0


def test_locking_keeps_the_focus_of_a_form_that_another_window_hides(form: ExperimentForm, qtbot: QtBot) -> None:
    control = form.editor("training.epochs").control
    control.setFocus()
    asking = QLineEdit()
    qtbot.addWidget(asking)
    asking.show()
    asking.setFocus()
    asking.activateWindow()
    qtbot.waitUntil(asking.hasFocus)
    form.set_enabled_for_run(False)
    assert form.focusWidget() is _scroll(form)
    with qtbot.waitActive(form):
        asking.close()
        form.activateWindow()
    form.set_enabled_for_run(True)
    assert control.hasFocus()


def test_who_went_elsewhere_while_the_form_was_locked_stays_there(form: ExperimentForm) -> None:
    form.editor("data.batch_size").control.setFocus()
    form.set_enabled_for_run(False)
    more = child(form, QToolButton, "more")
    more.setFocus()
    form.set_enabled_for_run(True)
    assert more.hasFocus()


def test_the_first_field_has_the_focus_but_not_the_wheel(form: ExperimentForm, qtbot: QtBot) -> None:
    fresh = ExperimentForm()
    qtbot.addWidget(fresh)
    fresh.focus_first()
    with qtbot.waitActive(fresh):
        fresh.show()
        fresh.activateWindow()
    box = child(fresh, QComboBox, "recipe")
    assert box.hasFocus()
    before = box.currentIndex()
    turn_wheel(box)
    assert box.currentIndex() == before
    QTest.keyClick(box, Qt.Key.Key_Down)
    assert box.currentIndex() != before


@pytest.mark.parametrize("path", ["optimizer.lr", "data.batch_size"])
def test_a_message_above_leaves_the_field_under_the_mouse_where_it_is(
    form: ExperimentForm, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    control, column = form.editor(path).control, _scroll(form)._column
    margins = column.contentsMargins()
    place = control.mapToGlobal(control.rect().center())
    monkeypatch.setattr(QCursor, "pos", lambda: place)
    for value in ("lenet", "resnet18", "lenet"):  # their settings stand above the learning rate
        form.set_value("model", value)
        form.set_value("training.epochs", 10**7 if value == "lenet" else 3)
        QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
        assert control.mapToGlobal(control.rect().center()) == place
    QApplication.sendEvent(_scroll(form), QEvent(QEvent.Type.Leave))
    assert column.contentsMargins() == margins
