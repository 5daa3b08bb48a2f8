"""How the weights of linear and convolutional layers start."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from desktop_trainer.experiment.choices import INITIALIZERS, InitializerChoice
from desktop_trainer.experiment.section import setting
from desktop_trainer.i18n import mark

if TYPE_CHECKING:
    from torch import nn

_ZERO_BIAS = mark("Start the biases at zero. Off leaves PyTorch's small random ones.")


@INITIALIZERS.register
class Default(InitializerChoice):
    """Each layer's own ``reset_parameters``: for linear and convolutional layers He uniform with a = sqrt(5)."""

    name: Literal["default"] = "default"
    label: ClassVar[str] = mark("PyTorch's default")
    explanation: ClassVar[str] = mark("Uniform within plus or minus 1 / sqrt(inputs), for weights and biases.")

    def apply(self, model: nn.Module) -> None:
        """Nothing: layers are made this way."""


class _WeightInitializer(InitializerChoice):
    zero_bias: bool = setting(False, mark("Biases 0"), _ZERO_BIAS, advanced=True)

    def apply(self, model: nn.Module) -> None:
        """Fill the weights of linear and convolutional layers in the order of ``model.modules()``."""
        from torch import nn

        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                self._fill()(module.weight)
                if self.zero_bias and module.bias is not None:
                    nn.init.zeros_(module.bias)

    def _fill(self) -> Callable[[Any], Any]:
        raise NotImplementedError


@INITIALIZERS.register
class Normal(_WeightInitializer):
    """Weights from N(0, std), biases 0."""

    name: Literal["normal"] = "normal"
    label: ClassVar[str] = mark("Normal")
    explanation: ClassVar[str] = mark("Weights drawn from a normal distribution around 0.")

    std: float = setting(
        0.01,
        mark("Standard deviation"),
        mark(
            "How widely the initial weights spread. Small starts near zero output; large saturates "
            "sigmoids. Usual: 0.01."
        ),
        gt=0,
        le=100,
        advanced=True,
    )
    zero_bias: bool = setting(True, mark("Biases 0"), _ZERO_BIAS, advanced=True)

    def _fill(self) -> Callable[[Any], Any]:
        from torch import nn

        return lambda weight: nn.init.normal_(weight, std=self.std)


@INITIALIZERS.register
class XavierUniform(_WeightInitializer):
    """Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010)."""

    name: Literal["xavier_uniform"] = "xavier_uniform"
    label: ClassVar[str] = mark("Xavier uniform")
    explanation: ClassVar[str] = mark(
        "Keeps the spread of signals and gradients alike through sigmoid and tanh layers."
    )

    def _fill(self) -> Callable[[Any], Any]:
        from torch import nn

        return nn.init.xavier_uniform_


@INITIALIZERS.register
class KaimingUniform(_WeightInitializer):
    """He et al., "Delving deep into rectifiers" (2015, arXiv:1502.01852), for ReLU."""

    name: Literal["kaiming_uniform"] = "kaiming_uniform"
    label: ClassVar[str] = mark("He (Kaiming) uniform")
    explanation: ClassVar[str] = mark("Keeps the spread of signals alike through ReLU layers.")

    def _fill(self) -> Callable[[Any], Any]:
        from torch import nn

        return lambda weight: nn.init.kaiming_uniform_(weight, nonlinearity="relu")
