"""The optimizers, each with its own options. torch is imported when one is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from desktop_trainer.experiment.choices import OPTIMIZERS, OptimizerChoice
from desktop_trainer.experiment.section import setting
from desktop_trainer.i18n import mark, tr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn
    from torch.optim import Optimizer

_WEIGHT_DECAY = mark(
    "How strongly each step pulls the parameters towards zero, against overfitting. Usual: "
    "0, 0.0001, or 0.01 with AdamW."
)
_BETA1 = mark("How much of the running mean of gradients is kept at each step. Larger is smoother. Usual: 0.9.")
_BETA2 = mark("How much of the running mean of squared gradients is kept at each step. Usual: 0.999.")
_FUSED = mark(
    "Compute the whole step of all parameters in one operation. It is faster, most of all on "
    "graphics cards, and the last "
    "digits of the results differ. Usual: off."
)
_LR = mark(
    "How far each step moves the parameters. Larger learns faster until the loss jumps; "
    "smaller is steadier and slower. "
    "Usual with Adam: 0.001."
)


@OPTIMIZERS.register
class SGD(OptimizerChoice):
    """Stochastic gradient descent, ``torch.optim.SGD``."""

    name: Literal["sgd"] = "sgd"
    label: ClassVar[str] = "SGD"
    explanation: ClassVar[str] = mark("Stochastic gradient descent: a step against the gradient of the batch.")

    momentum: float = setting(
        0.0,
        mark("Momentum"),
        mark(
            "The share of the last step that is repeated in the next. It rolls through small bumps; "
            "too much overshoots. Usual: 0 or 0.9."
        ),
        ge=0,
        zero=mark("off"),
        lt=1,
        advanced=True,
    )
    weight_decay: float = setting(0.0, mark("Weight decay"), _WEIGHT_DECAY, ge=0, le=1, zero=mark("off"), advanced=True)
    nesterov: bool = setting(
        False,
        mark("Nesterov"),
        mark("Look at the gradient after the momentum's step, not before it. Needs momentum."),
        advanced=True,
    )
    fused: bool = setting(False, mark("Fused"), _FUSED, advanced=True, at_once=False)

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise PydanticCustomError(
                "conflict", "{message}", {"message": tr("Nesterov needs a momentum greater than 0.")}
            )
        return self

    def build(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """``torch.optim.SGD`` with these options."""
        from torch.optim import SGD as TorchSGD  # noqa: N811

        return TorchSGD(
            parameters,
            self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            nesterov=self.nesterov,
            fused=self.fused or None,
        )


class _AdamOptions(OptimizerChoice):
    lr: float = setting(0.001, mark("Learning rate"), _LR, gt=0, le=1e12)
    beta1: float = setting(0.9, "Beta 1", _BETA1, ge=0, lt=1, advanced=True)
    beta2: float = setting(0.999, "Beta 2", _BETA2, ge=0, lt=1, advanced=True)
    weight_decay: float = setting(0.0, mark("Weight decay"), _WEIGHT_DECAY, ge=0, le=1, zero=mark("off"), advanced=True)
    fused: bool = setting(False, mark("Fused"), _FUSED, advanced=True, at_once=False)

    def _options(self) -> dict[str, Any]:
        """What both constructors take. None leaves the choice to PyTorch; False would also forbid its loops over
        all tensors.
        """
        betas = (self.beta1, self.beta2)
        return {"lr": self.lr, "betas": betas, "weight_decay": self.weight_decay, "fused": self.fused or None}


@OPTIMIZERS.register
class Adam(_AdamOptions):
    """Adam (Kingma and Ba, 2014, arXiv:1412.6980), ``torch.optim.Adam``."""

    name: Literal["adam"] = "adam"
    label: ClassVar[str] = "Adam"
    explanation: ClassVar[str] = mark("Adapts the step to each parameter from the running means of its gradients.")

    def build(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """``torch.optim.Adam`` with these options."""
        from torch.optim import Adam as TorchAdam

        return TorchAdam(parameters, **self._options())


@OPTIMIZERS.register
class AdamW(_AdamOptions):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2017, arXiv:1711.05101), ``torch.optim.AdamW``."""

    name: Literal["adamw"] = "adamw"
    label: ClassVar[str] = "AdamW"
    explanation: ClassVar[str] = mark("Adam whose weight decay does not pass through the adapted step.")
    weight_decay: float = setting(
        0.01, mark("Weight decay"), _WEIGHT_DECAY, ge=0, le=1, zero=mark("off"), advanced=True
    )

    def build(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """``torch.optim.AdamW`` with these options."""
        from torch.optim import AdamW as TorchAdamW

        return TorchAdamW(parameters, **self._options())
