"""Colours are changed as torchvision changes them, one by one; greys stay grey."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as tv

from desktop_trainer.engine.images.colour import Colour

CPU = torch.device("cpu")
IMAGES = torch.rand(30, 3, 5, 7, generator=torch.Generator().manual_seed(0))
GIVEN = torch.rand(4, 30, generator=torch.Generator().manual_seed(1))
ALL = {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1}


def changed(images: Tensor, given: Tensor, **amounts: float) -> Tensor:
    """A copy of `images`, changed."""
    return Colour(amounts, images.shape[1], CPU)(images.clone(), given)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("name", "adjusted"),
    [("brightness", tv.adjust_brightness), ("contrast", tv.adjust_contrast), ("saturation", tv.adjust_saturation)],
)
def test_each_alone_is_torchvisions(name: str, adjusted: Callable[[Tensor, float], Tensor], channels: int) -> None:
    """Within the 1e-4 that torchvision's weights of grey lack to 1; also where they go beyond black and white."""
    images = IMAGES[:, :channels]
    found = changed(images, GIVEN[:1], **{name: 0.9}) if (name, channels) != ("saturation", 1) else images
    for image, original, number in zip(found, images, GIVEN[0].tolist(), strict=True):
        torch.testing.assert_close(image, adjusted(original, 1 + 0.9 * (2 * number - 1)), atol=2e-4, rtol=0)


def test_together_they_are_one_after_the_other() -> None:
    """Brightness, contrast, saturation, hue: the one product is theirs, where nothing is cut off in between."""
    pale = 0.4 + IMAGES / 5
    after = pale
    for row, (name, amount) in enumerate(ALL.items()):
        after = changed(after, GIVEN[row : row + 1], **{name: amount})
    torch.testing.assert_close(changed(pale, GIVEN, **ALL), after, atol=1e-6, rtol=0)


def test_in_the_middle_of_their_range_they_change_nothing() -> None:
    torch.testing.assert_close(changed(IMAGES, torch.full((4, 30), 0.5), **ALL), IMAGES, atol=1e-6, rtol=0)


def test_grey_stays_grey() -> None:
    """Saturation and hue do not see it: all three channels stay as they were."""
    grey = IMAGES[:, :1].expand(30, 3, 5, 7)
    torch.testing.assert_close(changed(grey, GIVEN[:2], saturation=1.0, hue=0.5), grey, atol=1e-6, rtol=0)


def test_the_hue_turns_colours_and_leaves_their_luma() -> None:
    """Half a circle makes the opposite colour, two thirds of one return in two steps, and distances from grey stay."""
    pale, luma = 0.4 + IMAGES / 5, torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    grey = (pale * luma).sum(1, keepdim=True)
    turned = changed(pale, GIVEN[:1], hue=0.5)
    assert float((turned - pale).abs().mean()) > 0.02
    torch.testing.assert_close((turned * luma).sum(1, keepdim=True), grey, atol=1e-6, rtol=0)
    opposite = changed(pale, torch.zeros(1, 30), hue=0.5)
    torch.testing.assert_close(opposite - grey, grey - pale, atol=1e-6, rtol=0)
    third = torch.full((1, 30), 0.5 + 1 / 3)
    thrice = changed(changed(changed(pale, third, hue=0.5), third, hue=0.5), third, hue=0.5)
    torch.testing.assert_close(thrice, pale, atol=1e-5, rtol=0)


def test_the_hue_turns_in_the_direction_of_torchvisions() -> None:
    """Red becomes greener with a positive hue, bluer with a negative one."""
    red = torch.tensor([0.7, 0.4, 0.4])[None, :, None, None]
    for number in (0.3, 0.7):
        mine = changed(red, torch.full((1, 1), number), hue=0.5).flatten()
        theirs = tv.adjust_hue(red, 0.5 * (2 * number - 1)).flatten()
        assert mine.argmax() == theirs.argmax()
        assert (mine[1] > mine[2]) == (theirs[1] > theirs[2])


def test_nothing_leaves_the_range_of_pixels() -> None:
    """What would be darker than black or brighter than white is cut off."""
    extreme = torch.tensor([0.0, 1 - 2**-24])[:, None].expand(2, 30).repeat(2, 1)
    found = changed(IMAGES, extreme, brightness=1.0, contrast=1.0, saturation=1.0, hue=0.5)
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_images_without_three_channels_have_brightness_and_contrast(channels: int) -> None:
    """Each channel is treated alike, around the mean of all."""
    images = torch.rand(30, channels, 5, 7, generator=torch.Generator().manual_seed(2)) / 4 + 0.4
    found = changed(images, GIVEN[:2], brightness=0.2, contrast=0.2)
    brightness, contrast = (1 + 0.2 * (2 * GIVEN[:2] - 1))[..., None, None, None]
    bright = images * brightness
    mean = bright.mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(found, mean + contrast * (bright - mean), atol=1e-6, rtol=0)
    assert math.isfinite(float(found.sum()))
