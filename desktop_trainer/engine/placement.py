"""Where the samples of a run lie: all in memory, or streamed."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

import torch

from desktop_trainer import folders
from desktop_trainer.engine.data import InMemory, Split, resized
from desktop_trainer.engine.events import DataCounted, Event, Loading, Notice
from desktop_trainer.engine.lines import classes_line, images_line
from desktop_trainer.engine.memory import free_memory
from desktop_trainer.engine.streaming import Streamed
from desktop_trainer.experiment.data import DataInfo, Preparing, Source
from desktop_trainer.experiment.data_settings import DataSettings
from desktop_trainer.files.errors import DataError, OtherData
from desktop_trainer.i18n import tr, trn

T = TypeVar("T")
_SHARE = 4
"""Without a limit of their own the samples may take one part in so many of the memory that is free, on the way and
in the end.
"""


class DataTooLarge(DataError):
    """The samples were to be held in memory and are more than is allowed; the text says how much both is."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where samples lie; as a text, in words for people.

    Attributes:
        device: where the batches are wanted.
        nbytes: memory that the samples take there; 0 if they are streamed.
        workers: processes that stream them.
    """

    device: torch.device
    nbytes: int = 0
    workers: int = 0

    def __str__(self) -> str:
        if self.nbytes:
            return tr("in memory, {size} MB on {device}", size=_megabytes(self.nbytes), device=self.device)
        if self.workers == 0:
            return tr("streamed without workers")
        return trn("streamed by {n} worker", "streamed by {n} workers", self.workers)


def choose_place(settings: DataSettings, samples: int, device: torch.device) -> Place:
    """Where so many samples of the dataset are to lie, before any of them is read.

    Raises:
        DataTooLarge: if they must be in memory and exceed the limit.
        DataUnknown: see `DataSettings.info`.
    """
    if settings.placement == "stream":
        return Place(device, workers=settings.workers)
    kept = samples * settings.info.sample_bytes
    # What is to be resized is read whole first.
    stored = settings.dataset.as_read(settings.image_size)
    needed = kept + (0 if stored == stored.resized(settings.image_size) else samples * stored.sample_bytes)
    allowed, where = _allowed(settings, device)
    if needed <= allowed:
        return Place(device, nbytes=kept)
    if settings.placement == "memory":
        raise DataTooLarge(_too_large(needed, allowed, where))
    return Place(device, workers=settings.workers)


def _allowed(settings: DataSettings, device: torch.device) -> tuple[int, torch.device]:
    """Bytes that the samples may take, and where that is decided: they pass through the machine's memory."""
    if settings.memory_limit_mb:
        return settings.memory_limit_mb * 1_000_000, device
    least = min(device, torch.device("cpu"), key=free_memory)
    return free_memory(least) // _SHARE, least


def open_source(settings: DataSettings) -> Generator[Event, None, Source]:
    """Make the files of the chosen dataset ready; yields what is being done and what was noticed, returns the source.

    Raises:
        DataMissing, DataDamaged, DataUnknown: see `DatasetChoice.prepare`.
    """
    source = yield from _told(settings.dataset.prepare(folders.data_root(settings.data_root), settings.image_size))
    yield from map(Notice, source.notices)
    return source


def count_data(settings: DataSettings) -> Generator[Event, None, DataInfo]:
    """What is known of the chosen dataset before it is read; yields how far it is, and what was found in files.

    Raises:
        DataUnknown: see `DatasetChoice.count`.
    """
    info = yield from _told(settings.dataset.count())
    if info.class_counts:
        yield DataCounted(
            "\n".join([classes_line(info), images_line(settings), *settings.dataset.without_effect().values()])
        )
    return info


def _told(steps: Generator[Preparing, None, T]) -> Generator[Event, None, T]:
    """What `steps` return; their progress as events."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        yield Loading(step.what, step.done, step.total)


def check_same(info: DataInfo, fingerprint: str) -> None:
    """See whether the data are those of this `fingerprint`, as far as they have one.

    Raises:
        OtherData: if not.
    """
    if fingerprint and info.fingerprint and info.fingerprint != fingerprint:
        raise OtherData(
            tr(
                "The images in this folder are not those that the run was trained on, so it cannot go on "
                "with them. Nothing was changed. Choose the folder that holds the same images."
            )
        )


def load_split(settings: DataSettings, source: Source, place: Place, *, train: bool) -> Split:
    """One split of the dataset, in its place.

    Raises:
        DataMissing, DataDamaged: see `DatasetChoice.load`.
    """
    plan = settings.plan(source.info, train=train)
    if not place.nbytes:
        return Streamed(source.open(train=train), plan, settings.image_size, place.device, place.workers)
    images, labels = source.load(train=train)
    return InMemory(resized(images, settings.image_size).to(place.device), labels.to(place.device), plan)


def _too_large(needed: int, allowed: int, device: torch.device) -> str:
    return tr(
        "The dataset takes {needed} MB in memory, and {allowed} MB are allowed on {device}. Let it be streamed (data "
        "placement auto or stream), choose a smaller image size, or raise the memory limit if the machine has so much.",
        needed=_megabytes(needed),
        allowed=_megabytes(allowed),
        device=device,
    )


def _megabytes(nbytes: int) -> str:
    """At least 0.1, because nothing is not in memory."""
    megabytes = max(nbytes / 1e6, 0.1)
    return f"{megabytes:,.{0 if megabytes >= 9.95 else 1}f}".replace(",", " ")
