"""Models of fully connected layers: softmax regression and the multilayer perceptron."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from desktop_trainer.experiment.choices import MODELS, ModelChoice
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.experiment.section import setting
from desktop_trainer.i18n import mark

if TYPE_CHECKING:
    from torch import nn


@MODELS.register
class Softmax(ModelChoice):
    """One linear layer; with cross-entropy it is softmax regression."""

    name: Literal["softmax"] = "softmax"
    label: ClassVar[str] = mark("Softmax regression")
    explanation: ClassVar[str] = mark("One linear layer from the pixels to the classes: the simplest classifier.")

    def build(self, info: DataInfo) -> nn.Module:
        """Flatten, then ``(channels * height * width) -> classes``."""
        from torch import nn

        return nn.Sequential(
            OrderedDict(flatten=nn.Flatten(), linear=nn.Linear(info.channels * info.height * info.width, info.classes))
        )


@MODELS.register
class MLP(ModelChoice):
    """Hidden linear layers, each followed by an activation and dropout."""

    name: Literal["mlp"] = "mlp"
    label: ClassVar[str] = mark("MLP (multilayer perceptron)")
    explanation: ClassVar[str] = mark(
        "Linear layers with an activation between them. It sees pixels, not their neighbourhood."
    )

    hidden_sizes: tuple[Annotated[int, Field(ge=1, le=65_536)], ...] = setting(
        (256,),
        mark("Hidden sizes"),
        mark(
            "How many numbers each hidden layer computes, one entry a layer. Wider and deeper can "
            "represent more and overfits sooner. Usual: 256, or 512, 256."
        ),
        max_length=32,
    )
    activation: Literal["relu", "sigmoid", "tanh", "gelu"] = setting(
        "relu",
        mark("Activation"),
        mark(
            "The curve that follows each hidden layer; without one, all layers together are a single "
            "linear one. Usual: relu."
        ),
    )
    dropout: float = setting(
        0.0,
        mark("Dropout"),
        mark(
            "The share of hidden numbers set to zero at random in each training step. More resists "
            "overfitting and learns slower. Usual: 0 to 0.5."
        ),
        ge=0,
        zero=mark("off"),
        lt=1,
    )

    def build(self, info: DataInfo) -> nn.Module:
        """Flatten, then for each hidden size linear, activation and, if asked for, dropout; then a linear layer to
        the classes.
        """
        from torch import nn

        activations = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "gelu": nn.GELU}
        layers: list[nn.Module] = [nn.Flatten()]
        width = info.channels * info.height * info.width
        for size in self.hidden_sizes:
            layers += [nn.Linear(width, size), activations[self.activation]()]
            layers += [nn.Dropout(self.dropout)] if self.dropout else []
            width = size
        return nn.Sequential(*layers, nn.Linear(width, info.classes))
