"""The settings of the training itself: how long, in which parts, from which random numbers."""

from desktop_trainer.experiment.section import Section, setting
from desktop_trainer.i18n import mark


class TrainingSettings(Section):
    """How long, in which parts, and from which random numbers."""

    title = mark("Training")

    epochs: int = setting(
        10,
        mark("Epochs"),
        mark(
            "How often the training goes through all training samples. More epochs learn more, until the test accuracy "
            "stops rising while the training accuracy goes on (overfitting). Usual: 3 to 100."
        ),
        ge=1,
        le=100_000,
        at_once=True,
    )
    seed: int = setting(
        0,
        mark("Seed"),
        mark(
            "Where the random numbers start: initial parameters, order of the samples, dropout. The "
            "same seed on the same "
            "machine gives the same run; another seed shows how much was luck."
        ),
        ge=0,
        le=2_147_483_647,
        fixed=True,
    )
    patience: int = setting(
        0,
        mark("Patience"),
        mark(
            "Stop early when the test loss has not become smaller for so many epochs. 0 trains all "
            "epochs. Smaller saves "
            "time and may stop before a late improvement; larger waits longer. Usual: 0, or 3 to 10."
        ),
        unit=mark("epochs"),
        advanced=True,
        ge=0,
        zero=mark("off"),
        le=100_000,
        at_once=True,
    )
    batch_parts: int = setting(
        1,
        mark("Parts of a batch"),
        mark(
            "Compute each batch in so many parts, one after the other, whose gradients add up to "
            "that of the whole batch "
            "(gradient accumulation). More parts need less memory and more time. The steps stay the "
            "same but for rounding "
            "and what dropout drops; not so with batch norm, which sees one part at a time: such a "
            "model is another one, and learns worse the smaller its parts are. Usual: 1, more if memory runs out."
        ),
        advanced=True,
        ge=1,
        le=1_000_000,
    )
