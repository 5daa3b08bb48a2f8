"""Says why a run that goes on here may not end in the very same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from desktop_trainer.engine.devices import choose_device
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import mark, tr
from desktop_trainer.runs.versions import threads, versions

_SENTENCES = {
    "program": mark("This run was trained with Desktop Trainer {was}; this is {now}."),
    "torch": mark("This run was trained with PyTorch {was}; here is {now}. Its results can differ in the last digits."),
    "cuda": mark("This run was trained with CUDA {was}; here is {now}. Its results can differ in the last digits."),
    "cpu": mark(
        "This run was trained on another processor ({was}; here {now}). Its results can differ in the last digits."
    ),
    "threads": mark(
        "This run was trained with {was} CPU threads; here are {now}. Sums are taken in another "
        "order, so results can differ in the last digits."
    ),
    "device": mark(
        "This run was trained on {was}; here it goes on on {now}. Its results can differ in the "
        "last digits, and its random numbers on the device begin anew."
    ),
}


def differences(state: Mapping[str, Any], experiment: Experiment) -> list[str]:
    """Sentences: in what the machine, here and now, is not what computed the checkpoint with this `state`; usually
    none.

    Raises:
        DeviceMissing: if this machine does not have the experiment's device.
    """
    device = str(choose_device(experiment.device.name))
    here = {**versions(), "threads": str(threads(experiment.device.threads)), "device": device}
    versions_there = state.get("versions")
    there = _texts(
        {
            **(versions_there if isinstance(versions_there, Mapping) else {}),
            "threads": state.get("threads"),
            "device": state.get("device"),
        }
    )
    return [
        tr(_SENTENCES[name], was=there[name], now=here[name])
        for name in _relevant(device)
        if there.get(name, here[name]) != here[name]
    ]


def changed_data(was: str, now: str) -> list[str]:
    """A sentence if data have another fingerprint than they had; none where either is not known."""
    if not was or not now or was == now:
        return []
    return [
        tr(
            "The images in the folder have changed since this run was saved. It goes on with those "
            "that are there now, not as it would have gone on with the others."
        )
    ]


def unknown_data() -> list[str]:
    """A sentence for a run whose folder of images was moved, if its checkpoint does not tell these from others."""
    return [
        tr(
            "It is not known whether the images in this folder are those that the run was trained "
            "on: it was saved before they had a fingerprint."
        )
    ]


def _relevant(device: str) -> Iterator[str]:
    yield from ("program", "torch", "device")
    if device == "cpu":
        yield from ("cpu", "threads")
    if device.startswith("cuda"):
        yield "cuda"


def _texts(values: Mapping[Any, Any]) -> dict[str, str]:
    """As they can be shown: of bounded length, in one line, nothing that a terminal obeys; anybody can have written
    them.
    """
    return {
        str(key): "".join(char if char.isprintable() else " " for char in str(item)[:100])
        for key, item in values.items()
    }
