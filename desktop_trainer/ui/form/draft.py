"""The settings as they are being edited: raw, perhaps wrong, every change can be undone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from desktop_trainer.experiment.fields import Values, get_value, with_dataset, with_local, with_value
from desktop_trainer.experiment.problems import ExperimentError, Problem, check_data, parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr

_UNDO_LIMIT = 500
_RECHECK_MS = 200
_SIZE = "data.image_size"


class Draft(QObject):
    """Holds nested values that need not make an experiment, and says whether they do.

    Signals:
        changed: the values are others, or what is said of them.

    Attributes:
        values: as the JSON of an experiment; replaced, never changed in place.
        experiment: what they describe, or None; then `problems` says why.
        without_effect: settings that change nothing now, by their paths, and why.
    """

    changed = Signal()

    def __init__(self, values: Values, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.undo_stack = QUndoStack(self)
        self.undo_stack.setUndoLimit(_UNDO_LIMIT)
        self._left: dict[tuple[str, str], Any] = {}
        self._sizes: dict[str, Any] = {}
        self._recheck = QTimer(self, singleShot=True, interval=_RECHECK_MS)
        self._recheck.timeout.connect(self.check)
        self.put(values)

    def edit(self, path: str, value: Any, name: str) -> None:
        """Set one setting, as a change called `name`; a choice gets the options that it had when it was left, a
        dataset also its image size.
        """
        options = _raw(self.values, path)
        if isinstance(options, Mapping):
            self._left[path, str(options.get("name"))] = options
        if isinstance(value, str):
            value = self._left.get((path, value), value)
        self._push(path, self._with_value(path, value), name)

    def _with_value(self, path: str, value: Any) -> dict[str, Any]:
        if path != "data.dataset":
            return with_value(self.values, path, value)
        self._sizes[str(get_value(self.values, path))] = get_value(self.values, _SIZE)
        values = with_dataset(self.values, value)
        known = self._sizes.get(str(get_value(values, path)))
        return values if known is None else with_value(values, _SIZE, known)

    def replace(self, values: Values, name: str, *, keep_local: bool) -> None:
        """Set all settings, as one change called `name`; `keep_local` leaves those that belong to this machine."""
        self._push("", with_local(values, self.values) if keep_local else values, name)

    def put(self, values: Values) -> None:
        """Take `values` as they are; for commands, which can be undone."""
        self.values = values
        self.check()

    def check(self) -> None:
        """Find out anew what is wrong, in the current language."""
        self.experiment: Experiment | None = None
        self.problems: tuple[Problem, ...] = ()
        self.without_effect: dict[str, str] = {}
        try:
            self.experiment = self._checked(parse_experiment(self.values))
        except ExperimentError as error:
            self.problems = tuple(error.problems)
        self.changed.emit()

    def _checked(self, experiment: Experiment) -> Experiment:
        """The experiment, if its data are there. Files that take long to count are counted meanwhile.

        Raises:
            ExperimentError: if they are not, or not yet.
        """
        dataset = experiment.data.dataset
        if dataset.counting():
            self._recheck.start()
            raise ExperimentError([Problem("data.dataset", tr("The files are being counted…"), waiting=True)])
        if dataset.counts_files:
            check_data(experiment)
        self.without_effect = {f"data.dataset.{option}": why for option, why in dataset.without_effect().items()}
        return experiment

    def _push(self, path: str, values: Values, name: str) -> None:
        if values != self.values:
            self.undo_stack.push(FormChange(self, path, values, name))
        else:  # what is there was said again: it may be right by now
            self.check()


class FormChange(QUndoCommand):
    """From one state of the draft to the next; changes of the same setting in a row are one.

    Attributes:
        path: of the setting; empty if they are several.
    """

    def __init__(self, draft: Draft, path: str, after: Values, name: str) -> None:
        super().__init__(name)
        self._draft, self.path, self._before, self._after = draft, path, draft.values, after

    def id(self) -> int:
        """Qt's: commands of one id are offered for merging; without a path there is nothing to merge."""
        return 1 if self.path else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Qt's: take over what `other`, the next change, led to; both together may be none."""
        if not isinstance(other, FormChange) or other.path != self.path:
            return False
        self._after = other._after
        self.setObsolete(self._after == self._before)
        return True

    def undo(self) -> None:
        """Qt's."""
        self._draft.put(self._before)

    def redo(self) -> None:
        """Qt's; also called when the change is made."""
        self._draft.put(self._after)


def _raw(values: Any, path: str) -> Any:
    return reduce(lambda found, key: found.get(key) if isinstance(found, Mapping) else None, path.split("."), values)
