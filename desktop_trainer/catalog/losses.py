"""What can be minimised. torch is imported when a loss is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from desktop_trainer.experiment.choices import LOSSES, LossChoice
from desktop_trainer.experiment.section import setting
from desktop_trainer.i18n import mark

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


@LOSSES.register
class CrossEntropy(LossChoice):
    """Mean cross-entropy of the softmax of the logits, ``torch.nn.CrossEntropyLoss``."""

    name: Literal["cross_entropy"] = "cross_entropy"
    label: ClassVar[str] = mark("Cross-entropy")
    explanation: ClassVar[str] = mark(
        "How surprised the model is by the right class, on average; ln(classes) when it only guesses."
    )

    label_smoothing: float = setting(
        0.0,
        mark("Label smoothing"),
        mark(
            "The share of certainty given to the wrong classes. More keeps the model from being too "
            "sure. Usual: 0 or 0.1."
        ),
        ge=0,
        zero=mark("off"),
        lt=1,
        advanced=True,
    )

    def build(self) -> Callable[[Tensor, Tensor], Tensor]:
        """``CrossEntropyLoss`` with mean reduction."""
        from torch import nn

        return nn.CrossEntropyLoss(label_smoothing=self.label_smoothing)
