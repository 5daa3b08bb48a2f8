"""Whether a model can be examined on given data: the shape of the images, and its classes, by name."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from desktop_trainer.engine.weights import ModelMismatch
from desktop_trainer.experiment.data import DataInfo, DataUnknown
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr, trn

_NAMED = 10
"""So many classes are named; the rest is counted."""


def check_data(trained: Experiment, examined: Experiment, class_names: Sequence[str]) -> None:
    """See whether the model of `trained`, whose outputs stand for `class_names`, can be examined on the data of
    `examined`.

    Raises:
        ModelMismatch: if images, number of classes or the classes' names are others; without names these are not
            compared.
        DataUnknown: if it cannot be told what `examined` has.
    """
    other = examined.data.info
    try:
        own = trained.data.info
    except DataUnknown:
        own = other  # what it was made for is not here; whether it fits is seen when the weights are loaded
    if _shape(own) != _shape(other):
        text = tr(
            "The model was made for {dataset}: {own}. {other_dataset} has {other}. Choose a dataset "
            "with the same numbers; the setting Image size (--image-size) changes the pixels.",
            dataset=tr(trained.data.dataset.label),
            own=_words(own),
            other_dataset=tr(examined.data.dataset.label),
            other=_words(other),
        )
        raise ModelMismatch(text)
    outputs_of(class_names, other.class_names)


def outputs_of(class_names: Sequence[str], found: Sequence[str]) -> Tensor | None:
    """For each class of a dataset, `found`, the model's output of the same name: int64 ``(classes,)``; None if all
    are in place.

    Args:
        class_names: what the model's outputs stand for; empty if nobody knows, and then the order is trusted.

    Raises:
        ModelMismatch: if the classes are not the same.
    """
    if not class_names or tuple(class_names) == tuple(found):
        return None
    places = {name: place for place, name in enumerate(class_names)}
    if len(places) != len(class_names) or len(found) != len(class_names) or set(found) != set(class_names):
        text = tr(
            "The model's classes are not those of this dataset, so its answers would be counted "
            "wrong. Only the model has: {own}. Only the dataset has: {other}. Give them the same "
            "names, for example by renaming the folders of the classes, or choose the data that the "
            "model was trained for.",
            own=_listed(class_names, found),
            other=_listed(found, class_names),
        )
        raise ModelMismatch(text)
    return torch.tensor([places[name] for name in found])


def _listed(names: Sequence[str], others: Sequence[str]) -> str:
    only = [name for name in names if name not in others]
    more = f", … ({len(only)})" if len(only) > _NAMED else ""
    return ", ".join(only[:_NAMED]) + more if only else "–"


def _shape(info: DataInfo) -> tuple[int, int, int, int]:
    return info.channels, info.height, info.width, info.classes


def _words(info: DataInfo) -> str:
    return tr(
        "{channels}, {height} x {width} pixels, {classes}",
        channels=trn("{n} channel", "{n} channels", info.channels),
        height=info.height,
        width=info.width,
        classes=trn("{n} class", "{n} classes", info.classes),
    )
