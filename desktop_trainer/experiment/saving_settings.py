"""The settings of when a run is saved. They belong to this machine and alter no result."""

from desktop_trainer.experiment.section import Section, setting
from desktop_trainer.i18n import mark


class SavingSettings(Section):
    """When a run writes a checkpoint, besides its start, each pause and its end."""

    title = mark("Saving")

    every_minutes: float = setting(
        0.25,
        mark("Save every"),
        mark(
            "How often a checkpoint is written, from which the run goes on exactly after a crash. "
            "More often loses less time "
            "then; a save never comes sooner than after 100 times as long as the last one took, so "
            "that saving costs less "
            "than 1 % of the time. 0 turns it off. Usual: 0.25 to 10."
        ),
        unit=mark("minutes"),
        advanced=True,
        local=True,
        ge=0,
        zero=mark("off"),
        le=10_000,
    )
    every_epochs: int = setting(
        0,
        mark("Save at epochs"),
        mark(
            "Write a checkpoint after each so many epochs as well, however long that takes. 1 saves "
            "after each epoch; 0 turns "
            "it off. Usually off: the time between two saves matters, not their place."
        ),
        unit=mark("epochs"),
        advanced=True,
        local=True,
        ge=0,
        zero=mark("off"),
        le=100_000,
    )
    every_batches: int = setting(
        0,
        mark("Save at batches"),
        mark(
            "Write a checkpoint after each so many batches as well, however long that takes. Small "
            "numbers slow the training "
            "down; 0 turns it off. Usually off, or a few thousand when a batch takes seconds."
        ),
        unit=mark("batches"),
        advanced=True,
        local=True,
        ge=0,
        zero=mark("off"),
        le=1_000_000_000,
    )
