"""What is said of settings that do not make an experiment."""

from __future__ import annotations

from dataclasses import dataclass

from desktop_trainer.i18n import titled


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one setting.

    Attributes:
        path: the setting's dotted name, or empty for the experiment as a whole.
        message: a sentence for people, in the current language.
        waiting: nothing is wrong: it is not known yet whether anything is.
    """

    path: str
    message: str
    waiting: bool = False

    def __str__(self) -> str:
        return titled(self.path, self.message) if self.path else self.message


class ExperimentError(ValueError):
    """The settings do not make an experiment; `problems` says why, one a setting."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
