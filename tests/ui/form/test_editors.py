"""The editors, driven with keys and the wheel: each type of setting, and what happens to text that is wrong."""

from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QFocusEvent, QInputMethodEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from desktop_trainer.experiment.choices import REGISTRIES
from desktop_trainer.experiment.fields import Setting, settings_of, to_values, with_value
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.ui.controls import PathBox, stepped
from desktop_trainer.ui.form.editor import Editor
from desktop_trainer.ui.form.editors import DeviceEditor, make_editor

_PATHS = {
    "datasets": "data.dataset",
    "models": "model",
    "initializers": "initializer",
    "losses": "loss",
    "optimizers": "optimizer",
}


def _declared(path: str, **choices: str) -> Setting:
    values: dict[str, Any] = to_values(Experiment())
    for choice, name in choices.items():
        values = with_value(values, choice, name)
    return next(setting for setting in settings_of(values) if setting.path == path)


def _shown(qtbot: QtBot, setting: Setting, value: Any) -> Editor:
    editor = make_editor(setting)
    qtbot.addWidget(editor)
    editor.set_value(value)
    with qtbot.waitActive(editor):
        editor.show()
        editor.activateWindow()
    editor.control.setFocus()
    return editor


def _type(editor: Editor, text: str) -> None:
    """Replace what stands in the control by keys."""
    QTest.keyClick(editor.control, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(editor.control, Qt.Key.Key_Delete)
    if text.isascii():
        QTest.keyClicks(editor.control, text)
    else:  # QTest has keys for ASCII only.
        commit = QInputMethodEvent()
        commit.setCommitString(text)
        QApplication.sendEvent(editor.control, commit)


def _text(editor: Editor) -> str:
    line = editor.control if isinstance(editor.control, QLineEdit) else editor.control.findChild(QLineEdit)
    assert isinstance(line, QLineEdit)
    return line.text()


def _every_setting() -> list[Setting]:
    """The settings of every choice of every registry."""
    values = to_values(Experiment())
    found = [
        setting
        for kind, path in _PATHS.items()
        for name in REGISTRIES[kind]
        for setting in settings_of(with_value(values, path, name))
    ]
    return list({(setting.path, str(setting.type), setting.label): setting for setting in found}.values())


@pytest.mark.parametrize("setting", _every_setting(), ids=lambda setting: setting.path)
def test_every_setting_of_every_choice_has_a_named_editor_that_teaches(qtbot: QtBot, setting: Setting) -> None:
    editor = make_editor(setting)
    qtbot.addWidget(editor)
    assert editor.control.objectName() == setting.path
    assert editor.control.accessibleName() == setting.label
    assert setting.label in editor.control.toolTip()
    assert setting.explanation.split()[0] in editor.control.toolTip()
    assert editor.control.accessibleDescription()


def test_a_type_without_an_editor_is_named(qtbot: QtBot) -> None:
    with pytest.raises(TypeError, match=r"data\.odd.*bytes"):
        make_editor(Setting("data.odd", "Odd", "", bytes, b""))


def test_a_whole_number_is_tracked_key_by_key(qtbot: QtBot) -> None:
    editor = _shown(qtbot, _declared("training.seed"), 7)
    assert isinstance(editor.control, QSpinBox)
    seen: list[object] = []
    editor.changed.connect(lambda _path, value: seen.append(value))
    _type(editor, "2147483647")
    assert seen[:3] == ["", 2, 21]
    assert editor.value() == seen[-1] == editor.control.value() == 2**31 - 1


@pytest.mark.parametrize("text", ["", "abc", "12x", "-", "99999999999", "1.5"])
def test_text_that_is_no_fitting_number_is_kept_when_the_box_is_left(qtbot: QtBot, text: str) -> None:
    editor = _shown(qtbot, _declared("data.batch_size"), 256)
    _type(editor, text)
    QTest.keyClick(editor.control, Qt.Key.Key_Return)
    editor.control.clearFocus()
    assert _text(editor) == text
    assert str(editor.value()) == text
    editor.set_value(64)
    assert (_text(editor), editor.value()) == ("64", 64)


def test_whole_numbers_step_within_their_bounds(qtbot: QtBot) -> None:
    editor = _shown(qtbot, _declared("data.batch_size"), 3)
    for key, value in ((Qt.Key.Key_Up, 4), (Qt.Key.Key_PageUp, 14), (Qt.Key.Key_PageDown, 4), (Qt.Key.Key_PageDown, 1)):
        QTest.keyClick(editor.control, key)
        assert editor.value() == value


@pytest.mark.parametrize(("text", "value"), [("1e-3", 0.001), ("0.1", 0.1), (".5", 0.5), ("1E-300", 1e-300), ("3", 3)])
def test_numbers_are_taken_as_written_and_left_as_typed(qtbot: QtBot, text: str, value: float) -> None:
    editor = _shown(qtbot, _declared("optimizer.lr"), 0.25)
    _type(editor, text)
    assert editor.value() == value
    editor.set_value(value)
    assert _text(editor) == text


@pytest.mark.parametrize("value", [0.1, 1e-5, 0.30000000000000004, 123456.789, 5e-324, 1e12])
def test_no_digit_of_a_number_is_rounded_away(qtbot: QtBot, value: float) -> None:
    editor = _shown(qtbot, _declared("optimizer.lr"), value)
    editor.control.clearFocus()
    assert isinstance(editor.control, QDoubleSpinBox)
    assert editor.value() == editor.control.value() == value


@pytest.mark.parametrize("text", ["1e-", "abc", "nan", "inf", "0,1", ""])
def test_text_that_is_no_number_is_kept(qtbot: QtBot, text: str) -> None:
    editor = _shown(qtbot, _declared("optimizer.lr"), 0.25)
    _type(editor, text)
    editor.control.clearFocus()
    assert editor.value() == _text(editor) == text


@pytest.mark.parametrize(
    ("value", "steps", "after"),
    [
        (0.001, 1, 0.002),
        (0.009, 1, 0.01),
        (0.01, -1, 0.009),
        (0.25, 1, 0.35),
        (0.1, 10, 1),
        (0.1, -10, 0.01),
        (0, 1, 0.1),
    ],
)
def test_a_step_changes_the_first_digit_and_a_page_the_power_of_ten(value: float, steps: int, after: float) -> None:
    assert stepped(value, steps) == after


def test_no_step_leaves_the_bounds_of_a_number(qtbot: QtBot) -> None:
    editor = _shown(qtbot, _declared("model.dropout"), 0.9)
    QTest.keyClick(editor.control, Qt.Key.Key_Up)
    assert editor.value() == 0.9
    QTest.keyClick(editor.control, Qt.Key.Key_Down)
    assert editor.value() == 0.8


def test_a_check_box_carries_its_label_and_turns_with_the_space_bar(qtbot: QtBot) -> None:
    editor = _shown(qtbot, _declared("data.drop_last"), False)
    assert isinstance(editor.control, QCheckBox)
    assert editor.control.text() == "Drop last batch"
    with qtbot.waitSignal(editor.changed) as signal:
        QTest.keyClick(editor.control, Qt.Key.Key_Space)
    assert signal.args == ["data.drop_last", True]


def test_a_literal_is_chosen_with_the_keyboard(qtbot: QtBot) -> None:
    editor = _shown(qtbot, _declared("model.activation"), "relu")
    assert isinstance(editor.control, QComboBox)
    with qtbot.waitSignal(editor.changed) as signal:
        QTest.keyClick(editor.control, Qt.Key.Key_Down)
    assert signal.args == ["model.activation", "sigmoid"]


def test_a_choice_shows_labels_stores_names_and_explains_itself(qtbot: QtBot) -> None:
    editor = _shown(qtbot, _declared("data.dataset"), "digits")
    assert isinstance(editor.control, QComboBox)
    assert editor.control.currentText() == "Handwritten digits (bundled)"
    assert editor.value() == "digits"
    assert "no download" in editor.note


@pytest.mark.parametrize(
    ("text", "value"),
    [("256, 128", [256, 128]), ("64，32", [64, 32]), ("8 8 8", [8, 8, 8]), ("", []), ("5, x", [5, "x"])],
)
def test_several_numbers_stand_in_one_line(qtbot: QtBot, text: str, value: list[object]) -> None:
    editor = _shown(qtbot, _declared("model.hidden_sizes"), (256,))
    assert _text(editor) == "256"
    _type(editor, text)
    assert editor.value() == value


def test_a_folder_can_be_typed_or_asked_for(qtbot: QtBot) -> None:
    editor = _shown(qtbot, _declared("data.data_root"), "")
    _type(editor, "/data/图片")
    assert editor.value() == "/data/图片"
    assert editor.findChild(QToolButton, "data.data_root.browse")


def test_devices_of_the_machine_are_offered_and_a_foreign_one_is_kept(qtbot: QtBot) -> None:
    editor = _shown(qtbot, _declared("device.name"), "auto")
    assert isinstance(editor, DeviceEditor)
    assert isinstance(editor.control, QComboBox)
    assert not editor.control.isEditable()
    editor.set_devices(["cuda:0", "cpu"])
    editor.set_value("cuda:3")
    assert [editor.control.itemText(index) for index in range(editor.control.count())] == [
        "auto",
        "cuda:0",
        "cpu",
        "cuda:3",
    ]
    assert editor.value() == "cuda:3"


def test_a_card_that_cannot_be_used_is_told_below_the_devices_with_a_command_to_copy(qtbot: QtBot) -> None:
    editor = _shown(qtbot, _declared("device.name"), "auto")
    assert isinstance(editor, DeviceEditor)
    assert editor.note == ""
    button = editor.findChild(QToolButton, "device.name.copy")
    assert isinstance(button, QToolButton)
    assert not button.isVisible()
    editor.set_devices(["cpu"], "run: uv pip install torch", "uv pip install torch")
    assert editor.note == "run: uv pip install torch"
    assert button.isVisible()
    editor.set_locked(True)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == "uv pip install torch"


def test_a_problem_is_marked_where_it_stands_and_taken_back(qtbot: QtBot) -> None:
    editor = _shown(qtbot, _declared("data.batch_size"), 0)
    editor.set_problem("0 is too small.")
    assert editor.control.property("invalid") is True
    assert "0 is too small." in editor.control.toolTip()
    assert editor.control.accessibleDescription() == "0 is too small."
    assert editor.problem == "0 is too small."
    editor.set_problem("")
    assert editor.control.property("invalid") is False
    assert "0 is too small." not in editor.control.toolTip()


@pytest.mark.parametrize(("path", "value"), [("data.batch_size", 8), ("optimizer.lr", 0.1), ("model", "mlp")])
def test_the_wheel_changes_nothing_that_has_no_focus(qtbot: QtBot, path: str, value: object) -> None:
    editor = _shown(qtbot, _declared(path), value)
    editor.control.clearFocus()
    turn_wheel(editor.control)
    assert editor.value() == value
    editor.control.setFocus()
    turn_wheel(editor.control)
    assert editor.value() != value


def test_a_choice_has_room_for_what_is_chosen(qtbot: QtBot) -> None:
    editor = _shown(qtbot, _declared("data.dataset"), "digits")
    box = editor.control
    assert isinstance(box, QComboBox)
    option = QStyleOptionComboBox()
    for name in ("digits", "mnist"):
        editor.set_value(name)
        box.resize(box.minimumSizeHint())
        box.initStyleOption(option)
        parts = QStyle.SubControl.SC_ComboBoxEditField
        room = box.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, parts, box).width()
        assert room >= box.fontMetrics().horizontalAdvance(box.currentText())
    assert box.minimumSizeHint().width() < 150  # not as wide as its longest entry


def test_of_a_path_that_is_too_long_the_end_is_shown(qtbot: QtBot) -> None:
    box = PathBox()
    qtbot.addWidget(box)
    box.resize(120, 24)
    box.show()
    path = "/a/very/long/way/to/the/folder/with/the/data"
    box.set_placeholder(path)
    assert box.placeholderText().startswith("…")
    assert path.endswith(box.placeholderText()[1:])
    box.setText(path)
    box.home(False)
    QApplication.sendEvent(box, QFocusEvent(QEvent.Type.FocusOut))
    assert box.cursorPosition() == len(path)
    box.setText(path * 2)
    assert box.cursorPosition() == 2 * len(path)


def test_setting_a_value_from_outside_does_not_tell_of_a_change(qtbot: QtBot) -> None:
    for path, before, after in (
        ("training.epochs", 3, 4),
        ("optimizer.lr", 0.1, 0.2),
        ("data.shuffle", True, False),
        ("model", "mlp", "lenet"),
    ):
        editor = _shown(qtbot, _declared(path), before)
        with qtbot.assertNotEmitted(editor.changed):
            editor.set_value(after)
        assert editor.value() == after


def turn_wheel(widget: QWidget) -> None:
    place = QPointF(widget.rect().center())
    no_button, no_key = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    down = QPoint(0, -120)
    event = QWheelEvent(place, place, QPoint(), down, no_button, no_key, Qt.ScrollPhase.NoScrollPhase, False)
    QApplication.sendEvent(widget, event)
