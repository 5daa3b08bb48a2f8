"""Augmentation that changes colours: brightness, contrast, saturation, hue."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
"""From red, green, blue to luma and two coordinates of colour, as NTSC television (1953) does; the latter of grey
are 0.
"""


class Colour:
    """Factors in [1 - x, 1 + x] for brightness, contrast and saturation, then a turn of the hue by up to ± `hue`
    circles.

    All are affine in the colour, so that each sample has one matrix and one number to add; at the end values outside
    [0, 1] are cut off. In this order they are torchvision's ``ColorJitter``, but for its cutting off in between, its
    weights of grey, which do not add up to 1, and its hue, which turns HSV: here the luma stays.

    Args:
        amounts: ``brightness``, ``contrast`` and, of three channels only, ``saturation`` and ``hue``; those that
            are left out are off. One random number for each, in this order.
    """

    def __init__(self, amounts: dict[str, float], channels: int, device: torch.device) -> None:
        self._amounts, self._coloured = amounts, channels == 3
        self._luma, identity, self._quarter_turn = _colour_plane(device)
        self._chroma = identity - self._luma
        self._one = torch.ones(1, device=device)

    def __call__(self, images: Tensor, draws: Tensor) -> Tensor:
        rows = dict(zip(self._amounts, 2 * draws - 1, strict=True))
        brightness, contrast, saturation = (
            self._factor(rows, name) for name in ("brightness", "contrast", "saturation")
        )
        gain = (brightness * contrast)[:, None, None]
        added = (1 - contrast) * brightness * self._mean_grey(images) if "contrast" in rows else None
        if rows.keys() & {"saturation", "hue"}:
            angle = 2 * math.pi * self._amounts.get("hue", 0.0) * rows.get("hue", 0 * self._one)
            chroma = (saturation * angle.cos())[:, None, None] * self._chroma
            turned = (saturation * angle.sin())[:, None, None] * self._quarter_turn
            images = _product(gain * (self._luma + chroma + turned), images)
        else:
            images.mul_(gain[..., None])
        if added is not None:
            images.add_(added[:, None, None, None])
        return images.clamp_(0, 1)

    def _factor(self, rows: dict[str, Tensor], name: str) -> Tensor:
        return 1 + self._amounts[name] * rows[name] if name in rows else self._one

    def _mean_grey(self, images: Tensor) -> Tensor:
        """``(n,)``: that of the channels' means, which is the mean of every pixel's."""
        # In two steps: a sum with a single result is split among threads, and a sample alone would have other digits.
        means = images.mean(3).mean(2)
        return (means * self._luma[0]).sum(1) if self._coloured else means.mean(1)


def _colour_plane(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Matrices over red, green and blue: every channel to the luma, the identity, and the colour's quarter turn."""
    yiq = torch.tensor(_YIQ, dtype=torch.float64)
    turn = torch.zeros(3, 3, dtype=torch.float64)
    turn[1, 2], turn[2, 1] = 1, -1
    matrices = yiq[0].expand(3, 3), torch.eye(3), torch.linalg.inv(yiq) @ turn @ yiq
    return tuple(matrix.float().to(device) for matrix in matrices)  # type: ignore[return-value]


def _product(matrices: Tensor, images: Tensor) -> Tensor:
    """Each pixel's colour times its sample's matrix ``(n, 3, 3)``.

    Written out: the digits of ``bmm`` may depend on the other samples of the batch, and on the precision that is set.
    """
    red, green, blue = matrices[..., None, None].unbind(2)
    return (red * images[:, :1]).addcmul_(green, images[:, 1:2]).addcmul_(blue, images[:, 2:])
