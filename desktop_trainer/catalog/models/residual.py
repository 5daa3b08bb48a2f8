"""Larger convolutional models of torchvision, adapted to small images, any channels and any number of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from desktop_trainer.experiment.choices import MODELS, ModelChoice
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.i18n import mark

if TYPE_CHECKING:
    from torch import nn

_SMALL = 64
"""Below this height or width the usual first strides would leave too few pixels."""


@MODELS.register
class ResNet18(ModelChoice):
    """ResNet-18 (He et al., 2015, arXiv:1512.03385), untrained."""

    name: Literal["resnet18"] = "resnet18"
    label: ClassVar[str] = "ResNet-18"
    explanation: ClassVar[str] = mark(
        "Eighteen layers with shortcuts around each pair: strong on colour photographs, slow on a CPU."
    )
    minimum_size: ClassVar[int] = 8
    channels_last: ClassVar[bool] = True

    def build(self, info: DataInfo) -> nn.Module:
        """torchvision's model; below 64 pixels with a 3 x 3 first convolution of stride 1, no first pooling, and
        see `_keep_pixels`.
        """
        from torch import nn
        from torchvision.models import resnet18

        model: Any = resnet18(weights=None, num_classes=info.classes)
        small = min(info.height, info.width) < _SMALL
        model.conv1 = _first_convolution(info.channels, 64, 3 if small else 7, 1 if small else 2)
        if small:
            model.maxpool = nn.Identity()
            _keep_pixels(info, 8, [model.layer2, model.layer3, model.layer4])
        return model  # type: ignore[no-any-return]


@MODELS.register
class MobileNetV3Small(ModelChoice):
    """MobileNetV3-small (Howard et al., 2019, arXiv:1905.02244), untrained."""

    name: Literal["mobilenet_v3_small"] = "mobilenet_v3_small"
    label: ClassVar[str] = "MobileNetV3-small"
    explanation: ClassVar[str] = mark("A light network made for telephones: few computations for its depth.")
    minimum_size: ClassVar[int] = 8
    channels_last: ClassVar[bool] = True

    def build(self, info: DataInfo) -> nn.Module:
        """torchvision's model; below 64 pixels the first convolution has stride 1, and see `_keep_pixels`."""
        from torchvision.models import mobilenet_v3_small

        model: Any = mobilenet_v3_small(weights=None, num_classes=info.classes)
        small = min(info.height, info.width) < _SMALL
        model.features[0][0] = _first_convolution(info.channels, 16, 3, 1 if small else 2)
        if small:
            _keep_pixels(info, 16, [model.features[index] for index in (1, 2, 4, 9)])
        return model  # type: ignore[no-any-return]


def _keep_pixels(info: DataInfo, reduction: int, halving: list[nn.Module]) -> None:
    """Take the stride from the first of the parts that halve the image, until more than one pixel is left at the end.

    On a single pixel batch norm could not train with a batch of one sample, and a 3 x 3 kernel would see little but
    padding.

    Args:
        reduction: how many times smaller the image is behind all of `halving`.
    """
    from torch import nn

    for part in halving:
        if min(info.height, info.width) > reduction:
            return
        reduction //= 2
        for layer in part.modules():
            if isinstance(layer, nn.Conv2d):
                layer.stride = (1, 1)


def _first_convolution(channels: int, out: int, kernel_size: int, stride: int) -> nn.Conv2d:
    """As both papers initialise it: He et al. 2015, normal, by fan-out; no bias, because batch norm follows."""
    from torch import nn

    layer = nn.Conv2d(channels, out, kernel_size, stride, padding=kernel_size // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer
