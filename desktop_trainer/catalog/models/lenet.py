"""LeNet as the tutorials write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from desktop_trainer.experiment.choices import MODELS, ModelChoice
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.experiment.section import setting
from desktop_trainer.i18n import mark

if TYPE_CHECKING:
    from torch import nn


@MODELS.register
class LeNet(ModelChoice):
    """Two convolutions and three linear layers.

    After LeCun et al., "Gradient-based learning applied to document recognition" (1998), with max-pooling and without
    padding as Dive into Deep Learning, chapter 5 has it: 28 x 28 pixels become 16 x 4 x 4 = 256 numbers.
    """

    name: Literal["lenet"] = "lenet"
    label: ClassVar[str] = "LeNet"
    explanation: ClassVar[str] = mark(
        "Two convolutions with pooling, then three linear layers: the classic network for small images."
    )
    minimum_size: ClassVar[int] = 16
    channels_last: ClassVar[bool] = True

    activation: Literal["sigmoid", "relu"] = setting(
        "sigmoid",
        mark("Activation"),
        mark(
            "The curve after each layer. Sigmoid is the tutorials' original and starts slowly; relu learns much faster."
        ),
    )

    def build(self, info: DataInfo) -> nn.Module:
        """conv 6 k5, pool 2, conv 16 k5, pool 2, linear 120, 84, classes; the activation after all but pools and
        the last.
        """
        from torch import nn

        act = nn.Sigmoid if self.activation == "sigmoid" else nn.ReLU
        height, width = (((size - 4) // 2 - 4) // 2 for size in (info.height, info.width))
        return nn.Sequential(
            nn.Conv2d(info.channels, 6, kernel_size=5),
            act(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, kernel_size=5),
            act(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * height * width, 120),
            act(),
            nn.Linear(120, 84),
            act(),
            nn.Linear(84, info.classes),
        )
