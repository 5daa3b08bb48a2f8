"""The experiment form, driven with keys: what is typed is kept, what is wrong is marked, what is gone comes back."""

import gettext
from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLabel, QLineEdit, QScrollArea, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from desktop_trainer import folders, i18n
from desktop_trainer.experiment.fields import settings_of, to_values
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.recipes import recipes
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.ui.form.batch_panel import BatchPlanPanel
from desktop_trainer.ui.form.form import ExperimentForm


@pytest.fixture
def form(qtbot: QtBot) -> ExperimentForm:
    """The form on LeNet and Fashion-MNIST, shown, 320 x 560."""
    values = {"data": {"dataset": "fashion_mnist"}, "model": "lenet", "training": {"epochs": 3, "seed": 7}}
    form = ExperimentForm(parse_experiment(values))
    qtbot.addWidget(form)
    form.resize(320, 560)
    with qtbot.waitActive(form):
        form.show()
        form.activateWindow()
    return form


def _type(form: ExperimentForm, path: str, text: str) -> None:
    control = form.editor(path).control
    control.setFocus()
    QTest.keyClick(control, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(control, Qt.Key.Key_Delete)
    QTest.keyClicks(control, text)


def _choose(form: QWidget, path: str, name: str) -> None:
    """Go to an entry of a combo box with the arrow keys."""
    combo = form.findChild(QComboBox, path)
    assert isinstance(combo, QComboBox)
    combo.setFocus()
    goal = combo.findData(name)
    assert goal >= 0
    while combo.currentIndex() != goal:
        before = combo.currentIndex()
        QTest.keyClick(combo, Qt.Key.Key_Down if goal > before else Qt.Key.Key_Up)
        assert combo.currentIndex() != before


def _made(form: ExperimentForm) -> Experiment:
    assert form.experiment is not None, form.problems
    return form.experiment


def _focused() -> QWidget:
    widget = QApplication.focusWidget()
    assert widget is not None
    return widget


def _plan(form: ExperimentForm) -> str:
    panel = form.findChild(BatchPlanPanel, "batch_plan")
    assert isinstance(panel, BatchPlanPanel)
    return panel.text


def test_a_handful_of_settings_is_seen_first_and_the_rest_under_more(form: ExperimentForm, qtbot: QtBot) -> None:
    shown = {setting.path: form.editor(setting.path).isVisible() for setting in settings_of(to_values(_made(form)))}
    basic = {path for path, visible in shown.items() if visible}
    assert {"data.dataset", "data.batch_size", "model", "optimizer", "optimizer.lr", "training.epochs"} <= basic
    assert {"data.shuffle", "optimizer.weight_decay"}.isdisjoint(basic)
    more = form.findChild(QToolButton, "more")
    assert isinstance(more, QToolButton)
    QTest.mouseClick(more, Qt.MouseButton.LeftButton)
    assert form.more_shown
    assert all(form.editor(path).isVisible() for path in shown)


def test_what_is_typed_becomes_the_experiment(form: ExperimentForm, qtbot: QtBot) -> None:
    heard: list[Experiment] = []
    form.experiment_changed.connect(heard.append)
    _type(form, "data.batch_size", "128")
    _type(form, "optimizer.lr", "1e-3")
    _type(form, "training.seed", "2147483647")
    _choose(form, "model.activation", "relu")
    QTest.keyClick(form.editor("data.drop_last").control, Qt.Key.Key_Space)
    made = _made(form)
    assert (made.data.batch_size, made.optimizer.lr, made.training.seed) == (128, 0.001, 2**31 - 1)
    assert made.data.drop_last
    assert getattr(made.model, "activation") == "relu"  # noqa: B009  an option of LeNet only
    assert made.training.epochs == 3
    assert heard[-1] == made


def test_wrong_input_is_marked_where_it_stands_and_changes_nothing_else(form: ExperimentForm) -> None:
    heard: list[tuple[Any, ...]] = []
    form.problems_changed.connect(heard.append)
    _type(form, "data.batch_size", "0")
    _type(form, "optimizer.lr", "fast")
    assert form.experiment is None
    assert [str(problem) for problem in form.problems] == [
        "data.batch_size: 0 is too small; the least is 1.",
        "optimizer.lr: “fast” is not a number.",
    ]
    assert heard[-1] == form.problems
    assert form.editor("data.batch_size").problem == "0 is too small; the least is 1."
    assert form.editor("data.batch_size").control.property("invalid") is True
    assert form.editor("training.epochs").problem == ""
    _type(form, "optimizer.lr", "0.5")
    _type(form, "data.batch_size", "10")
    assert form.problems == ()
    assert heard[-1] == ()
    made = _made(form)
    assert (made.data.batch_size, made.optimizer.lr, made.training.epochs, made.training.seed) == (10, 0.5, 3, 7)


def test_a_wrong_entry_of_a_list_is_blamed_on_the_list(form: ExperimentForm) -> None:
    _choose(form, "model", "mlp")
    _type(form, "model.hidden_sizes", "64, x")
    assert form.editor("model.hidden_sizes").problem == "“x” is not a whole number."


def test_settings_that_do_not_fit_together_are_marked_at_one_of_them(form: ExperimentForm) -> None:
    _choose(form, "data.dataset", "digits")
    assert "needs images of at least" in form.editor("model").problem


def test_a_problem_under_more_opens_more(form: ExperimentForm) -> None:
    assert not form.more_shown
    form.set_value("data.workers", 9999)
    assert form.more_shown
    assert form.editor("data.workers").problem


def test_another_choice_brings_its_own_options_and_leaves_the_rest(form: ExperimentForm) -> None:
    _type(form, "data.batch_size", "12x")
    _choose(form, "model", "mlp")
    combo = form.editor("model").control
    assert combo.hasFocus()
    assert form.editor("model.hidden_sizes").control.isVisible()
    assert form.editor("data.batch_size").value() == "12x"
    _choose(form, "model", "resnet18")
    assert form.findChild(QWidget, "model.hidden_sizes") is None
    assert form.findChild(QWidget, "model.activation") is None
    assert combo.hasFocus()


def test_the_options_of_a_choice_come_back_with_it(form: ExperimentForm) -> None:
    _choose(form, "optimizer", "sgd")
    assert form.editor("optimizer.lr").value() == 0.1
    _type(form, "optimizer.lr", "0.9")
    _choose(form, "optimizer", "adam")
    assert form.editor("optimizer.lr").value() == 0.001
    _choose(form, "optimizer", "sgd")
    assert form.editor("optimizer.lr").value() == 0.9


def test_tab_goes_through_the_form_in_the_order_that_is_seen(form: ExperimentForm) -> None:
    _choose(form, "model", "mlp")
    form.editor("model").control.setFocus()
    order = []
    for _ in range(5):
        QTest.keyClick(_focused(), Qt.Key.Key_Tab)
        order.append(_focused().objectName())
    assert order == ["model.hidden_sizes", "model.activation", "model.dropout", "optimizer", "optimizer.lr"]


def test_changes_are_undone_by_name_one_setting_at_a_time(form: ExperimentForm) -> None:
    before = _made(form)
    _type(form, "data.batch_size", "64")
    _type(form, "training.epochs", "9")
    stack = form.undo_stack
    assert (stack.count(), stack.undoText()) == (2, "Epochs")
    stack.undo()
    assert stack.undoText() == "Batch size"
    assert (_made(form).training.epochs, form.editor("training.epochs").value()) == (3, 3)
    stack.undo()
    assert form.experiment == before
    stack.redo()
    assert form.editor("data.batch_size").value() == 64


@pytest.mark.parametrize(
    ("path", "text"), [("data.batch_size", "64"), ("optimizer.lr", "0.5"), ("data.data_root", "/x")]
)
def test_ctrl_z_in_an_editor_undoes_the_setting_not_the_text(form: ExperimentForm, path: str, text: str) -> None:
    undo = form.undo_stack.createUndoAction(form)
    undo.setShortcut("Ctrl+Z")
    form.addAction(undo)
    form.more_shown = True
    before = _made(form)
    _type(form, path, text)
    assert form.experiment != before
    QTest.keyClick(_focused(), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert form.experiment == before
    assert form.undo_stack.canRedo()


def test_typing_a_value_back_leaves_nothing_to_undo(form: ExperimentForm) -> None:
    _type(form, "training.seed", "8")
    _type(form, "training.seed", "7")
    assert form.undo_stack.count() == 0


def test_undoing_a_choice_brings_back_its_options(form: ExperimentForm) -> None:
    _choose(form, "model.activation", "relu")
    _choose(form, "model", "softmax")
    form.undo_stack.undo()
    assert form.editor("model").value() == "lenet"
    assert form.editor("model.activation").value() == "relu"


def test_wrong_text_can_be_undone_and_redone(form: ExperimentForm) -> None:
    _type(form, "data.batch_size", "abc")
    form.undo_stack.undo()
    assert form.editor("data.batch_size").value() == 256
    form.undo_stack.redo()
    assert form.editor("data.batch_size").value() == "abc"
    assert form.experiment is None


def test_the_arithmetic_follows_every_key(form: ExperimentForm) -> None:
    assert "(60000 + 256 - 1) // 256 = 235" in _plan(form)
    _type(form, "optimizer.lr", "wrong")
    _type(form, "data.batch_size", "10")
    assert "(60000 + 10 - 1) // 10 = 6000" in _plan(form)
    QTest.keyClicks(form.editor("data.batch_size").control, "0")
    assert "(60000 + 100 - 1) // 100 = 600" in _plan(form)
    assert "Optimizer steps: 600 × 3 epochs = 1 800" in _plan(form)
    _type(form, "data.batch_size", "")
    assert "//" not in _plan(form)


def test_the_arithmetic_stands_under_the_batch_size(form: ExperimentForm) -> None:
    panel = form.findChild(BatchPlanPanel, "batch_plan")
    assert isinstance(panel, BatchPlanPanel)
    tops = [
        widget.mapTo(form, widget.rect().topLeft()).y()
        for widget in (form.editor("data.batch_size"), panel, form.editor("data.drop_last"))
    ]
    assert tops == sorted(tops)


@pytest.mark.parametrize("name", recipes())
def test_a_recipe_sets_everything_but_what_belongs_to_this_machine(form: ExperimentForm, name: str) -> None:
    form.set_value("data.data_root", "/my/data")
    _choose(form, "recipe", name)
    expected = parse_experiment(recipes()[name].experiment)
    made = _made(form)
    assert made.data.data_root == "/my/data"
    assert (made.model, made.optimizer, made.training) == (expected.model, expected.optimizer, expected.training)
    assert form.undo_stack.undoText() == "Recipe"


def test_settings_that_are_no_recipe_are_custom_and_a_recipe_is_recognised(form: ExperimentForm) -> None:
    combo = form.findChild(QComboBox, "recipe")
    assert isinstance(combo, QComboBox)
    assert combo.currentText() == "Custom"
    name, recipe = next(iter(recipes().items()))
    form.set_experiment(parse_experiment(recipe.experiment))
    assert combo.currentData() == name
    _type(form, "training.seed", "99")
    assert combo.currentText() == "Custom"
    form.undo_stack.undo()
    assert combo.currentData() == name


def test_an_experiment_from_a_file_can_leave_this_machines_settings(form: ExperimentForm) -> None:
    form.set_value("data.data_root", "/my/data")
    form.set_experiment(parse_experiment({"model": "softmax"}), keep_local=True)
    assert (_made(form).model.name, _made(form).data.data_root) == ("softmax", "/my/data")
    form.set_experiment(parse_experiment({"model": "mlp"}))
    assert _made(form).data.data_root == ""


def test_during_a_run_settings_are_shown_but_not_changed(form: ExperimentForm) -> None:
    before = form.experiment
    form.set_enabled_for_run(False)
    control = form.editor("data.batch_size").control
    assert not control.isEnabled()
    QTest.keyClicks(control, "1")
    assert form.experiment == before
    form.set_value("model", "mlp")
    assert not form.editor("model.dropout").control.isEnabled()
    form.set_enabled_for_run(True)
    assert form.editor("model.dropout").control.isEnabled()


def test_the_machines_devices_can_be_chosen_once_they_are_known(form: ExperimentForm) -> None:
    form.set_machine((["cuda:0", "cpu"], "", ""))
    _choose(form, "device.name", "cuda:0")
    assert _made(form).device.name == "cuda:0"


def test_a_setting_that_the_choice_does_not_have_is_an_error(form: ExperimentForm) -> None:
    with pytest.raises(KeyError):
        form.set_value("model.hidden_sizes", [1])


class _Bracketed(gettext.NullTranslations):
    """A language that cannot be mistaken for English, whatever the catalogues hold."""

    def gettext(self, message: str) -> str:
        return f"‹{message}›"


def test_another_language_changes_words_and_no_value(form: ExperimentForm, monkeypatch: pytest.MonkeyPatch) -> None:
    _type(form, "data.batch_size", "0")
    _type(form, "optimizer.lr", "1e-4")
    monkeypatch.setattr(i18n, "_translations", _Bracketed())
    QApplication.sendEvent(form, QEvent(QEvent.Type.LanguageChange))
    assert form.editor("data.batch_size").label.text() == "‹Batch size›"
    assert form.editor("data.batch_size").control.accessibleName() == "‹Batch size›"
    assert form.editor("data.batch_size").problem == "‹0 is too small; the least is 1.›"
    assert form.editor("data.dataset").note.startswith("‹70 000 grey")
    drop_last = form.editor("data.drop_last").control
    assert isinstance(drop_last, QCheckBox)
    assert drop_last.text() == "‹Drop last batch›"
    line = form.editor("optimizer.lr").control.findChild(QLineEdit)
    assert isinstance(line, QLineEdit)
    assert line.text() == "1e-4"
    assert form.editor("data.batch_size").value() == 0
    assert form.editor("model").value() == "lenet"
    _type(form, "data.batch_size", "256")
    assert "‹Training: (60000 + 256 - 1) // 256 = 235›" in _plan(form)
    assert _made(form).optimizer.lr == 1e-4


@pytest.mark.parametrize("width", [280, 340])
def test_nothing_is_cut_off_sideways(form: ExperimentForm, qtbot: QtBot, width: int) -> None:
    form.more_shown = True
    form.set_value("model", "mlp")
    _type(form, "data.batch_size", "0")
    form.resize(width, 640)
    area = form.findChild(QScrollArea)
    assert isinstance(area, QScrollArea)
    content = area.widget()
    assert content is not None
    qtbot.waitUntil(lambda: content.width() == area.viewport().width())
    assert content.minimumSizeHint().width() <= area.viewport().width()


def test_the_form_grows_and_shrinks_with_its_texts(form: ExperimentForm, qtbot: QtBot) -> None:
    """Layouts that ask for a height for a width do not notice that a wrapped text needs another line."""
    panel = form.findChild(BatchPlanPanel, "batch_plan")
    assert isinstance(panel, BatchPlanPanel)
    height = panel.height()
    for grown in (True, False):
        QTest.keyClick(form.editor("data.drop_last").control, Qt.Key.Key_Space)
        qtbot.waitUntil(lambda grown=grown: (panel.height() > height) is grown)  # type: ignore[misc]
        assert panel.height() == panel.minimumSizeHint().height()


def test_a_folder_on_another_computer_is_opened_when_the_user_himself_names_it(
    form: ExperimentForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file from elsewhere is not enough; neither are the beginnings of a name while it is typed."""
    monkeypatch.setattr(folders, "_NETWORK_PATHS", True)
    form.set_value("data.data_root", "//nas/x")
    assert "computer nas" in form.editor("data.data_root").problem
    _type(form, "data.data_root", r"\\nas\x")
    assert "computer nas" in form.editor("data.data_root").problem
    QTest.keyClick(form.editor("data.data_root").control, Qt.Key.Key_Return)
    assert form.editor("data.data_root").problem == ""
    assert _made(form).data.data_root == r"\\nas\x"


def test_waiting_for_files_to_be_counted_is_no_error(
    form: ExperimentForm, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    """It is said where the dataset stands, without a warning; it cannot be started meanwhile."""
    dataset = type(form.experiment.data.dataset)  # type: ignore[union-attr]
    monkeypatch.setattr(dataset, "counting", lambda _: True)
    form._draft.check()
    editor = form.editor("data.dataset")
    assert form.experiment is None
    assert editor.problem == "The files are being counted…"
    assert not editor.control.property("invalid")
    assert "⚠" not in "".join(label.text() for label in editor.findChildren(QLabel))
    monkeypatch.setattr(dataset, "counting", lambda _: False)
    qtbot.waitUntil(lambda: form.experiment is not None, timeout=5_000)
    assert editor.problem == ""


def test_a_heading_says_what_is_true_of_all_settings_below_it(form: ExperimentForm) -> None:
    """So that none of them says it again; in the language of the moment."""
    form.more_shown = True
    said = [label.text() for label in form.findChildren(QLabel) if "never the test set" in label.text()]
    assert len(said) == 1
    assert "<b>Augmentation</b>" in said[0]
    assert not [item.path for item in settings_of({}) if "never the test set" in item.explanation]
