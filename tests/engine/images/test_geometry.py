"""Pixels are moved as torchvision moves them, by the draws that are given; what is drawn is what the settings say."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from desktop_trainer.engine.images.geometry import Erase, Flip, Shift, Warp, boxes, centres

CPU = torch.device("cpu")
BYTES = torch.randint(0, 256, (40, 3, 6, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
FLOATS = BYTES / 255


def draws(columns: int, samples: int = 40) -> Tensor:
    return torch.rand(columns, samples, generator=torch.Generator().manual_seed(columns))


@pytest.mark.parametrize(("dimension", "flipped"), [(3, tv.horizontal_flip), (2, tv.vertical_flip)])
def test_flips_are_torchvisions(dimension: int, flipped: object) -> None:
    """Those whose number is below the probability, and no others; the bytes that came in stay."""
    given, before = draws(1), BYTES.clone()
    found = Flip(0.3, dimension)(BYTES, given)
    for image, original, number in zip(found, BYTES, given[0], strict=True):
        assert torch.equal(image, flipped(original) if number < 0.3 else original)  # type: ignore[operator]
    assert found.dtype == torch.uint8
    assert torch.equal(before, BYTES)


def test_shifts_are_torchvisions_padding_and_crop() -> None:
    """``RandomCrop(size, padding=2)``: every one of 5 x 5 places, none beyond; the corners at the ends of [0, 1)."""
    last = 1 - 2**-24
    places = torch.cartesian_prod(torch.tensor([0, 0.3, 0.5, 0.7, last]), torch.tensor([0, 0.3, 0.5, 0.7, last])).T
    images, before = BYTES[:25], BYTES.clone()
    found = Shift(2)(images, places)
    padded = tv.pad(images, [2])
    for number in range(25):
        assert torch.equal(found[number], tv.crop(padded[number], number // 5, number % 5, 6, 9))
    assert torch.equal(before, BYTES)


@pytest.mark.parametrize("pixels", [1, 5, 32, 64])
def test_a_shift_never_reads_beyond_the_padding(pixels: int) -> None:
    """Also with the largest number below 1; the image is then one of black but for the nearest corner."""
    found = Shift(pixels)(BYTES[:1], torch.full((2, 1), 1 - 2**-24))
    kept = max(6 - pixels, 0), max(9 - pixels, 0)
    assert torch.equal(found[0, :, : kept[0], : kept[1]], BYTES[0, :, 6 - kept[0] :, 9 - kept[1] :])
    assert int((found != 0).sum()) <= 3 * kept[0] * kept[1]


def test_rotation_is_torchvisions() -> None:
    """By the angles that are drawn, in pixels that are square although the image is not; within rounding."""
    given = draws(1)
    found = Warp(180, 1.0, 6, 9, CPU)(FLOATS, given)
    for image, original, number in zip(found, FLOATS, given[0].tolist(), strict=True):
        angle = 180 * (2 * number - 1)
        expected = tv.affine(original, angle, [0, 0], 1.0, [0.0], InterpolationMode.BILINEAR)
        torch.testing.assert_close(image, expected, atol=2e-5, rtol=0)


def test_no_rotation_and_no_crop_leave_the_image() -> None:
    """An angle of 0 and a piece that is the whole."""
    still = torch.tensor([0.5, 1.0, 0.5, 0.5, 0.5])[:, None].expand(5, 40)
    found = Warp(30, 0.2, 6, 9, CPU)(FLOATS, still)
    torch.testing.assert_close(found, FLOATS, atol=1e-5, rtol=0)


def test_a_crop_shows_its_piece_in_the_whole_size() -> None:
    """An image of which each pixel tells its place then tells the places of the piece, linearly."""
    height, width = 40, 50
    rows, columns = centres(height, CPU)[:, None].expand(height, width), centres(width, CPU).expand(height, width)
    image, given = torch.stack([columns, rows]).expand(30, 2, height, width) + 2, draws(4, 30)
    found = Warp(0, 0.1, height, width, CPU)(image, given) - 2
    centre, size = boxes(given, 0.1, 1.0, math.log(4 / 3))
    for number in range(30):
        for axis, place in ((0, columns), (1, rows)):
            expected = centre[number, axis] + size[number, axis] * place
            inner = slice(2, -2)  # the outermost pixels may lie nearer to the black outside
            torch.testing.assert_close(found[number, axis, inner, inner], expected[inner, inner], atol=1e-4, rtol=0)


def test_a_crop_comes_after_the_rotation() -> None:
    """Both in one interpolation show what the rotation and then the crop show in two, but for the blur of the
    second.
    """
    smooth = tv.gaussian_blur(torch.rand(20, 1, 48, 64, generator=torch.Generator().manual_seed(1)), [9, 9], [3.0, 3.0])
    given = draws(5, 20)
    both = Warp(60, 0.3, 48, 64, CPU)(smooth, given)
    turned = Warp(60, 1.0, 48, 64, CPU)(smooth, given[:1])
    after = Warp(0, 0.3, 48, 64, CPU)(turned, given[1:])
    assert float((both - after).abs().mean()) < 0.004
    swapped = Warp(60, 1.0, 48, 64, CPU)(Warp(0, 0.3, 48, 64, CPU)(smooth, given[1:]), given[:1])
    assert float((both - swapped).abs().mean()) > 0.02


def test_boxes_lie_inside_and_have_the_area_and_the_form_asked_for() -> None:
    """Uniform areas; forms up to 4 : 3, as far as the image is large enough; every edge is reached."""
    centre, size = boxes(draws(4, 10_000), 0.1, 1.0, math.log(4 / 3))
    area, ratio = size.prod(1), size[:, 0] / size[:, 1]
    assert float((centre.abs() + size).max()) < 1 + 1e-6
    assert float((centre.abs() + size).max()) > 0.999
    assert float(area.min()) == pytest.approx(0.1, abs=0.001)
    assert float(area.max()) == pytest.approx(1.0, abs=0.001)
    assert float(area.mean()) == pytest.approx(0.55, abs=0.01)
    assert float(ratio.max()) == pytest.approx(4 / 3, abs=0.01)
    assert float(ratio.min()) == pytest.approx(3 / 4, abs=0.01)
    assert float(ratio.log().mean()) == pytest.approx(0, abs=0.01)
    assert abs(float(torch.corrcoef(torch.stack([area, ratio.log()]))[0, 1])) < 0.05


def test_erasing_leaves_a_rectangle_of_zeros() -> None:
    """In those whose number is below the probability, of 2 % to 33 % of the area; all else stays."""
    samples, height, width = 2000, 30, 40
    images, given = torch.ones(samples, 2, height, width), draws(5, 2000)
    found = Erase(0.25, height, width, CPU)(images, given)
    gone = found[:, 0] == 0
    assert torch.equal(found[:, 0], found[:, 1])
    assert set(found.flatten().tolist()) == {0.0, 1.0}
    across, down = gone.any(1), gone.any(2)
    assert torch.equal(gone, across[:, None] & down[:, :, None]), "a rectangle"
    share = gone.float().mean((1, 2))
    assert torch.equal(share > 0, given[0] < 0.25)
    assert 0.01 < float(share[share > 0].min()) < 0.03
    assert 0.31 < float(share.max()) < 0.36
    edges = torch.stack([across[:, 0], across[:, -1], down[:, 0], down[:, -1]])
    assert edges.any(1).all(), "it reaches each edge at times"


@pytest.mark.parametrize(("probability", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_a_probability_of_0_or_1_is_never_or_always(probability: float, share: float) -> None:
    given = draws(5, 500)
    flipped = Flip(probability, 3)(torch.arange(2, dtype=torch.uint8).expand(500, 1, 1, 2), given)
    erased = Erase(probability, 30, 30, CPU)(torch.ones(500, 1, 30, 30), given)
    assert float((flipped[:, 0, 0, 0] == 1).float().mean()) == share
    assert float((erased == 0).flatten(1).any(1).float().mean()) == share
