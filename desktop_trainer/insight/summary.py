"""What a model consists of: its layers, their output shapes and parameters. Knows the model's declaration; computes
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torchinfo
from torchinfo.layer_info import LayerInfo

from desktop_trainer.experiment.settings import Experiment


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer, each time that a forward pass comes through it.

    Attributes:
        name: its dotted path in the model, as ``named_modules`` has it: ``layer1.0.conv1``.
        kind: its class: ``Conv2d``.
        depth: from 1; a layer of depth 2 is a part of the last one of depth 1 above it.
        output_shape: without the batch.
        parameters: all below it; 0 when the same layer is met again.
    """

    name: str
    kind: str
    depth: int
    output_shape: tuple[int, ...]
    parameters: int


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """Counts of a model.

    Attributes:
        size_bytes: of its parameters and buffers: about what its file takes.
        layers: in the order of the forward pass, each followed by its parts.
    """

    parameters: int
    trainable_parameters: int
    size_bytes: int
    layers: tuple[LayerRow, ...]


def summarize(experiment: Experiment) -> ModelSummary:
    """Summarize the model of `experiment`, for its data.

    The model is built on torch's meta device, which knows shapes and no numbers: no memory is taken, and neither this
    nor another thread's random numbers change.
    """
    info = experiment.data.info
    meta = torch.device("meta")
    with meta:
        model = experiment.model.build(info)
        images = torch.empty(1, info.channels, info.height, info.width)
    found = torchinfo.summary(model, input_data=images, device=meta, depth=100, verbose=0)
    return ModelSummary(
        parameters=found.total_params,
        trainable_parameters=found.trainable_params,
        size_bytes=sum(tensor.nbytes for tensor in model.state_dict().values()),
        layers=tuple(_row(layer) for layer in found.summary_list if layer.depth > 0),
    )


def _row(layer: LayerInfo) -> LayerRow:
    shape = tuple(layer.output_size[1:])
    return LayerRow(
        _path(layer), layer.class_name, layer.depth, shape, 0 if layer.is_recursive else max(layer.num_params, 0)
    )


def _path(layer: LayerInfo) -> str:
    parent = layer.parent_info
    return layer.var_name if parent is None or parent.depth == 0 else f"{_path(parent)}.{layer.var_name}"
