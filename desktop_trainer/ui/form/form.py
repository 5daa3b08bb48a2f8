"""The experiment form: every setting with its editor, most of them under "More"."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QEvent, QSize, Qt, Signal, Slot
from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget
from shiboken6 import isValid

from desktop_trainer.experiment.fields import Setting, get_value, sections, settings_of, shared_values, to_values
from desktop_trainer.experiment.keeping import changes_at_once
from desktop_trainer.experiment.problems import Problem
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import mark, tr
from desktop_trainer.ui.form.batch_panel import BatchPlanPanel
from desktop_trainer.ui.form.draft import Draft
from desktop_trainer.ui.form.editor import Editor
from desktop_trainer.ui.form.editors import DeviceEditor, make_editor
from desktop_trainer.ui.form.recipe_editor import RecipeEditor
from desktop_trainer.ui.form.rows import Divider, Heading, Rows
from desktop_trainer.ui.form.steady import SteadyScrollArea
from desktop_trainer.ui.wrapped_label import WrappedLabel

_ALL_SETTINGS = mark("All settings")


class ExperimentForm(QWidget):
    """Shows and changes an experiment. What is typed is kept even when it is wrong; then there is no experiment.

    Signals:
        experiment_changed: the `Experiment`, each time the settings make another one.
        problems_changed: a tuple of `Problem`, empty when the settings make an experiment.
    """

    experiment_changed = Signal(object)
    problems_changed = Signal(object)

    def __init__(self, experiment: Experiment | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("experiment_form")
        self._draft = Draft(to_values(experiment or Experiment()), self)
        self._said: tuple[Experiment | None, tuple[Problem, ...]] = (self.experiment, self.problems)
        self._editors: dict[str, Editor] = {}
        self._headings: dict[tuple[str, bool], QWidget] = {}
        self._machine: tuple[list[str], str, str] = ([], "", "")
        self._locked = self._paused = False
        self._lent: QWidget | None = None
        self._recipe = RecipeEditor()
        self._plan = BatchPlanPanel()
        self._general = WrappedLabel("problem")
        self._basic, self._advanced = Rows(), Rows()
        self._more = QToolButton()
        self._more_box = QWidget()
        self._build()
        self._recipe.changed.connect(self._on_recipe)
        self._more.toggled.connect(self._on_more)
        self._draft.changed.connect(self._show)
        self._retranslate()
        self._show()

    @property
    def experiment(self) -> Experiment | None:
        """What the settings make; None while one of them is wrong."""
        return self._draft.experiment

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong, one a setting."""
        return self._draft.problems

    @property
    def recipe(self) -> str:
        """The name of the recipe whose settings these are; empty if they are no recipe's."""
        return self._recipe.value() or ""

    @property
    def undo_stack(self) -> QUndoStack:
        """The changes made here; the text of each is its setting's label."""
        return self._draft.undo_stack

    @property
    def more_shown(self) -> bool:
        """Whether the settings under "More" are shown."""
        return self._more.isChecked()

    @more_shown.setter
    def more_shown(self, shown: bool) -> None:
        self._more.setChecked(shown)

    def set_experiment(self, experiment: Experiment, *, keep_local: bool = False) -> None:
        """Show `experiment`, as one change that can be undone.

        Args:
            keep_local: leave the settings that belong to this machine: files for others do not hold them.
        """
        self._draft.replace(to_values(experiment), tr(_ALL_SETTINGS), keep_local=keep_local)

    def set_value(self, path: str, value: object) -> None:
        """Set one setting, as a change that can be undone.

        Raises:
            KeyError: if the chosen dataset, model, ... have no such setting.
        """
        self._draft.edit(path, value, tr(self._editors[path].setting.label))

    def set_enabled_for_run(self, enabled: bool, *, paused: bool = False) -> None:
        """Whether settings can be changed; during a run they are only shown, but for those that may change while it
        is `paused`.
        """
        if (enabled, paused) == (not self._locked, self._paused):
            return
        self._locked, self._paused = not enabled, paused
        if self._locked:
            self._lend_focus()
        self._recipe.set_locked(self._locked)
        for path, editor in self._editors.items():
            editor.set_locked(self._is_locked(path))
        if enabled:
            self._give_focus_back()

    def focus_first(self) -> None:
        """Put the focus on the first field."""
        self._recipe.control.setFocus()

    def _lend_focus(self) -> None:
        """Qt would pass the focus on to the next field that is not locked, far below, and scroll there."""
        focused = self.window().focusWidget()  # also while a dialog is in front
        if self._scroll.viewport().isAncestorOf(focused):
            self._lent = focused
            self._scroll.setFocus()

    def _give_focus_back(self) -> None:
        if self._lent is not None and isValid(self._lent) and self._scroll.hasFocus():
            self._lent.setFocus()
        self._lent = None

    def _is_locked(self, path: str) -> bool:
        return self._locked and not (self._paused and changes_at_once(path))

    @Slot(object)
    def set_machine(self, found: tuple[list[str], str, str]) -> None:
        """Offer the devices of this machine, best first, without ``auto``; then why there are no more, and the
        command that helps.
        """
        self._machine = found
        for editor in self._editors.values():
            if isinstance(editor, DeviceEditor):
                editor.set_devices(*self._machine)

    def editor(self, path: str) -> Editor:
        """The editor of a setting that is shown now.

        Raises:
            KeyError: if the chosen dataset, model, ... have no such setting.
        """
        return self._editors[path]

    def sizeHint(self) -> QSize:
        """Qt's: wide enough for labels beside their editors."""
        return QSize(340, 560)

    def changeEvent(self, event: QEvent) -> None:
        """Qt's: the language may have changed."""
        if event.type() is QEvent.Type.LanguageChange:
            self._retranslate()
            self._draft.check()
        super().changeEvent(event)

    def _build(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(10, 8, 10, 8)
        self._more_box.setLayout(self._advanced)
        column.addWidget(self._general)
        column.addLayout(self._basic)
        column.addWidget(self._more)
        column.addWidget(self._more_box)
        column.addStretch(1)
        self._more_box.hide()
        self._more.setObjectName("more")
        self._more.setCheckable(True)
        self._more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._more.setArrowType(Qt.ArrowType.RightArrow)
        self._scroll = SteadyScrollArea(content, column)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._scroll)
        self.setMinimumWidth(280)

    def _retranslate(self) -> None:
        self._more.setText(tr("More"))
        self._more.setToolTip(tr("Show the settings that are seldom changed."))
        for item in (self._recipe, *self._editors.values(), *self._headings.values()):
            if isinstance(item, Editor | Heading):
                item.retranslate()

    @Slot()
    def _show(self) -> None:
        """Bring every widget in line with the draft; what is right already is not touched."""
        values = self._draft.values
        with self._scroll.steady():
            self._arrange(settings_of(values))
            for path, editor in self._editors.items():
                value = get_value(values, path)
                editor.set_value(editor.setting.default if value is None else value)
                editor.set_without_effect(self._draft.without_effect.get(path, ""))
            self._show_problems()
            self._plan.show_values(values)
            self._recipe.show_match(None if self.experiment is None else shared_values(self.experiment))
        self._tell()

    def _tell(self) -> None:
        before, self._said = self._said, (self.experiment, self.problems)
        if self.problems != before[1]:
            self.problems_changed.emit(self.problems)
        if self.experiment is not None and self.experiment != before[0]:
            self.experiment_changed.emit(self.experiment)

    def _show_problems(self) -> None:
        messages = dict.fromkeys(self._editors, "")
        waits = {self._blamed(problem.path) for problem in self.problems if problem.waiting}
        general = []
        for problem in self.problems:
            path = self._blamed(problem.path)
            if path:
                messages[path] = messages[path] or problem.message
            else:
                general.append(str(problem))
        for path, message in messages.items():
            self._editors[path].set_problem(message, waiting=path in waits)
            if message and self._editors[path].setting.advanced:
                self.more_shown = True
        self._general.setText("\n".join(general))
        self._general.setVisible(bool(general))

    def _blamed(self, path: str) -> str:
        """The setting that a problem stands at: its own, or what holds it, as `model.hidden_sizes` holds `.1`."""
        while path and path not in self._editors:
            path = path.rpartition(".")[0]
        return path

    def _arrange(self, settings: list[Setting]) -> None:
        """Make editors for new settings and drop those of settings that are gone; all others stay as they are."""
        if settings == [editor.setting for editor in self._editors.values()]:
            return
        focused = next((path for path, editor in self._editors.items() if editor.control.hasFocus()), "")
        self._editors = {item.path: self._editor_for(item) for item in settings}
        basic, advanced = self._rows(advanced=False), self._rows(advanced=True)
        self._basic.show_rows([self._recipe, *basic])
        self._advanced.show_rows(advanced)
        self._headings = {key: heading for key, heading in self._headings.items() if heading in basic + advanced}
        self._order_tabs()
        if focused in self._editors:
            self._editors[focused].control.setFocus()

    def _editor_for(self, setting: Setting) -> Editor:
        old = self._editors.get(setting.path)
        if old is not None and old.setting == setting:
            return old
        editor = make_editor(setting)
        editor.changed.connect(self._on_edited)
        editor.set_locked(self._is_locked(setting.path))
        if isinstance(editor, DeviceEditor):
            editor.set_devices(*self._machine)
        return editor

    def _rows(self, *, advanced: bool) -> list[QWidget]:
        rows: list[QWidget] = []
        section = ""
        for path, editor in self._editors.items():
            if editor.setting.advanced is not advanced:
                continue
            if editor.setting.section != section:
                section = editor.setting.section
                # A choice is its section's heading itself.
                titled = advanced and path != section
                made = self._headings.get((section, advanced)) or (
                    Heading(*sections()[section]) if titled else Divider()
                )
                rows.append(self._headings.setdefault((section, advanced), made))
            rows.append(editor)
            if path == "data.batch_size":
                rows.append(self._plan)
        return rows

    def _order_tabs(self) -> None:
        stops: dict[bool, list[QWidget]] = {False: [*self._recipe.tab_stops], True: [self._more]}
        for editor in self._editors.values():
            stops[editor.setting.advanced] += editor.tab_stops
        for first, second in pairwise(stops[False] + stops[True]):
            self.setTabOrder(first, second)

    @Slot(str, object)
    def _on_edited(self, path: str, value: object) -> None:
        self.set_value(path, value)

    @Slot(str, object)
    def _on_recipe(self, _path: str, name: object) -> None:
        if (experiment := self._recipe.experiment(name)) is not None:
            self._draft.replace(to_values(experiment), tr("Recipe"), keep_local=True)

    @Slot(bool)
    def _on_more(self, shown: bool) -> None:
        self._more.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)
        self._more_box.setVisible(shown)
