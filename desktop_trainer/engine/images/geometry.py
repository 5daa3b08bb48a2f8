"""Augmentation that moves pixels: flip, shift, rotation and crop, erasing.

Each takes images ``(n, channels, height, width)`` and random numbers in [0, 1), ``(columns, n)``, on one device,
and never
waits for it. Places are in the coordinates of ``grid_sample``: -1 and 1 are the outer edges of the first and last
    pixel.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad

_STRETCH = math.log(4 / 3)
"""How much wider or higher than the image a crop may be in proportion, as in torchvision's ``RandomResizedCrop``."""
_ERASED = 0.02, 0.33
_ERASED_STRETCH = math.log(10 / 3)


class Flip:
    """Reverses `dimension` of bytes with a probability; one number a sample."""

    def __init__(self, probability: float, dimension: int) -> None:
        self._probability, self._dimension = probability, dimension

    def __call__(self, images: Tensor, draws: Tensor) -> Tensor:
        chosen = (draws[0] < self._probability)[:, None, None, None]
        # The bits that differ, of the chosen samples: on a CPU six times as fast as `where`, which goes byte by byte.
        return images.flip(self._dimension).bitwise_xor_(images).mul_(chosen).bitwise_xor_(images)


class Shift:
    """Moves bytes by up to `pixels` to each side, and fills with black: ``RandomCrop(size, padding=pixels)``; two
    numbers.
    """

    def __init__(self, pixels: int) -> None:
        self._pixels = pixels

    def __call__(self, images: Tensor, draws: Tensor) -> Tensor:
        height, width = images.shape[2:]
        top, left = (draws * (2 * self._pixels + 1)).long()
        windows = pad(images, (self._pixels,) * 4).unfold(2, height, 1).unfold(3, width, 1)
        return windows[torch.arange(len(images), device=images.device), :, top, left]


class Warp:
    """Turns floats by up to `rotation` degrees, and cuts out at least the share `crop` of the area: in one
    interpolation.

    Bilinear, black outside, after torchvision's ``affine``; the grid is made here, because ``affine_grid`` is a matrix
    product, whose digits depend on the precision that is set. One number for a rotation, four for a crop (below 1).
    """

    def __init__(self, rotation: float, crop: float, height: int, width: int, device: torch.device) -> None:
        self._radians, self._crop = math.radians(rotation), crop
        self._rows, self._columns = centres(height, device), centres(width, device)
        self._proportions = torch.tensor([[1.0, height / width], [width / height, 1.0]], device=device)
        self._upright = torch.eye(2, device=device)[None]
        self._whole = torch.zeros(1, 2, device=device), torch.ones(1, 2, device=device)

    def __call__(self, images: Tensor, draws: Tensor) -> Tensor:
        centre, size = boxes(draws[-4:], self._crop, 1.0, _STRETCH) if self._crop < 1 else self._whole
        turn = self._turn(draws[0]) if self._radians else self._upright
        scale, offset = turn * size[:, None], (turn * centre[:, None]).sum(2, keepdim=True)
        across = scale[:, :, :1] * self._columns + offset
        down = scale[:, :, 1:] * self._rows
        grid = (across[:, :, None, :] + down[:, :, :, None]).permute(0, 2, 3, 1)
        return grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)

    def _turn(self, draws: Tensor) -> Tensor:
        """From places in the turned image to places in the original: ``(n, 2, 2)``."""
        angle = (2 * draws - 1) * self._radians
        cos, sin = angle.cos(), angle.sin()
        return torch.stack([cos, sin, -sin, cos], 1).view(-1, 2, 2) * self._proportions


class Erase:
    """Makes a rectangle of floats 0 with a probability, in place (Zhong et al. 2017, arXiv:1708.04896); five
    numbers.
    """

    def __init__(self, probability: float, height: int, width: int, device: torch.device) -> None:
        self._probability = probability
        self._rows, self._columns = centres(height, device), centres(width, device)

    def __call__(self, images: Tensor, draws: Tensor) -> Tensor:
        centre, size = boxes(draws[1:], *_ERASED, _ERASED_STRETCH)
        size = size * (draws[0] < self._probability)[:, None]
        across = (self._columns - centre[:, :1]).abs() < size[:, :1]
        down = (self._rows - centre[:, 1:]).abs() < size[:, 1:]
        return images.mul_(1 - across.float()[:, None, None, :] * down.float()[:, None, :, None])


def centres(count: int, device: torch.device) -> Tensor:
    """The places of the centres of `count` pixels in a row."""
    return (2 * torch.arange(count, device=device) + 1) / count - 1


def boxes(draws: Tensor, least: float, most: float, stretch: float) -> tuple[Tensor, Tensor]:
    """Random rectangles inside an image: their centres, and their sizes as shares of its width and height, both
    ``(n, 2)``.

    The area is uniform in [`least`, `most`]; the logarithm of width over height, where the image's own is 0, is
    uniform in [-`stretch`, `stretch`], or in as much of that as keeps the rectangle inside; then the place is.

    Args:
        draws: ``(4, n)``.
    """
    area = least + (most - least) * draws[0]
    half_log = (draws[1] - 0.5) * (-area.log()).clamp(max=stretch)
    side, ratio = area.sqrt(), half_log.exp()
    size = torch.stack([side * ratio, side / ratio], 1)
    return (2 * draws[2:].T - 1) * (1 - size), size
