"""The list of ready-made experiments at the top of the form."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from PySide6.QtGui import QStandardItemModel

from desktop_trainer.experiment.fields import Setting, shared_values
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.recipes import recipes
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import mark, tr
from desktop_trainer.report.setting_words import tooltip
from desktop_trainer.ui.form.editors import ChoiceEditor, Entry

_SETTING = Setting(
    "recipe",
    mark("Recipe"),
    mark("A ready-made experiment: choosing one sets all settings, and you can change each of them afterwards."),
    str,
    "",
)


class RecipeEditor(ChoiceEditor):
    """A combo box of recipes; "Custom" stands there when the settings are no recipe's, and cannot be chosen."""

    def __init__(self) -> None:
        self._recipes = recipes()
        self._experiments = {name: parse_experiment(recipe.experiment) for name, recipe in self._recipes.items()}
        self._shared = {name: shared_values(experiment) for name, experiment in self._experiments.items()}
        super().__init__(_SETTING, self._listed)

    def experiment(self, name: object) -> Experiment | None:
        """The experiment of the recipe called `name`; None for "Custom"."""
        return self._experiments.get(str(name))

    def show_match(self, values: Mapping[str, Any] | None) -> None:
        """Show which recipe has these shared values, if one has."""
        self.set_value(next((name for name, shared in self._shared.items() if shared == values), ""))

    def retranslate(self) -> None:
        """See `Editor.retranslate`."""
        super().retranslate()
        model = self._box.model()
        if isinstance(model, QStandardItemModel):
            model.item(0).setEnabled(False)

    def _listed(self) -> list[Entry]:
        known = [Entry(name, tr(recipe.title), tr(recipe.explanation)) for name, recipe in self._recipes.items()]
        return [Entry("", tr("Custom")), *known]

    def _explain(self) -> None:
        """In the tooltip: a recipe tells more than there is room for in the form."""
        told = self._explanation()
        self._box.setToolTip(tooltip(_SETTING) + (f"<hr><p>{escape(told)}</p>" if told else ""))
        self._box.setAccessibleDescription(told or tr(_SETTING.explanation))
