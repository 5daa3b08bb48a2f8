"""Why a model file was not loaded, in words for people."""

from desktop_trainer.i18n import joined, tr


class ModelFileError(Exception):
    """A model file that was not loaded; the text says what happened, why, and what to do. Nothing was changed."""


class ModelFileUnreadable(ModelFileError):
    """There is no such file, or it may not be read."""


class ModelFileDamaged(ModelFileError):
    """The file is cut short, or was changed after it was written."""


class ModelFileRefused(ModelFileError):
    """The file is whole, as far as can be told, but holds something that is not loaded."""


def damaged(why: str) -> ModelFileDamaged:
    """The error for a file that is not what was written; `why` is a clause without a full stop."""
    return ModelFileDamaged(
        tr("This file is damaged: {why}. Copy it again from where it came, or load an earlier one.", why=why)
    )


def refused(why: str) -> ModelFileRefused:
    """The error for a ``.pt`` file that may hold more than weights; `why` is a sentence, and advice is added."""
    advice = tr(
        "Ask for the weights as a .safetensors file, or as torch.save(model.state_dict(), file) "
        "of PyTorch 1.6 or later."
    )
    return ModelFileRefused(joined(why, advice))
