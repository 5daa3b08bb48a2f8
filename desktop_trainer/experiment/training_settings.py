"""The settings of the training itself: how long, and from which random numbers. Knows no other section."""

from desktop_trainer.experiment.section import Section, setting
from desktop_trainer.i18n import mark


class TrainingSettings(Section):
    """How long, and from which random numbers."""

    epochs: int = setting(
        10,
        mark("Epochs"),
        mark(
            "How often the training goes through all training samples. More epochs learn more, until the test accuracy "
            "stops rising while the training accuracy goes on (overfitting). Usual: 3 to 100."
        ),
        ge=1,
        le=100_000,
    )
    seed: int = setting(
        0,
        mark("Seed"),
        mark(
            "Where the random numbers start: initial parameters, order of the samples, dropout. The same seed on the same "
            "machine gives the same run; another seed shows how much was luck."
        ),
        ge=0,
        le=2_147_483_647,
    )
