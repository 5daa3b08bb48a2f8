"""Reads plain weights from a ``.pt`` file without running anything in it."""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
import zipfile
from typing import Any

import torch
from torch import Tensor, nn

from desktop_trainer.i18n import tr
from desktop_trainer.runs.model_errors import damaged, refused
from desktop_trainer.runs.safetensors_check import MAX_TENSORS

_MAX_MEMBERS = MAX_TENSORS + 100
_MAX_PICKLE = 4 * 2**20
_DTYPES = {
    torch.float64: "Double",
    torch.float32: "Float",
    torch.float16: "Half",
    torch.bfloat16: "BFloat16",
    torch.int64: "Long",
    torch.int32: "Int",
    torch.int16: "Short",
    torch.int8: "Char",
    torch.uint8: "Byte",
    torch.bool: "Bool",
}
_ALLOWED = {
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    "collections OrderedDict",
    *(f"torch {name}Storage" for name in _DTYPES.values()),
}
"""What a ``state_dict`` names. torch's own list is longer and has callables that allocate what they are told to."""

_NESTED = ("state_dict", "model", "model_state_dict")
_BROKEN_ZIP = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    EOFError,
    LookupError,
    struct.error,
    OSError,
)
_BROKEN_PICKLE = (
    pickle.UnpicklingError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    EOFError,
    AssertionError,
    ArithmeticError,
    struct.error,
)


def read_state_dict(data: bytes) -> dict[str, Tensor]:
    """The tensors, on the CPU, of the ``torch.save`` archive with the content `data`: a ``state_dict``, alone or
    under a usual key.

    Raises:
        ModelFileDamaged: if the archive is broken.
        ModelFileRefused: if it holds anything but plain weights, or would take more memory than the file.
    """
    members = _members(data)
    _check_pickle(members["archive/data.pkl"])
    # torch reads an archive of exactly what was checked, so that two readers of zip cannot disagree about it.
    checked = io.BytesIO()
    with zipfile.ZipFile(checked, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    checked.seek(0)
    try:
        loaded = torch.load(checked, map_location="cpu", weights_only=True)
    except _BROKEN_PICKLE as error:
        raise damaged(tr("its weights cannot be read: {error}", error=_first_line(error))) from error
    return _flat(loaded)


def _members(data: bytes) -> dict[str, bytes]:
    """The archive's files, below ``archive/``; the checksum of each was compared."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            root = _check_entries(entries, len(data))
            return {f"archive/{entry.filename.removeprefix(root)}": archive.read(entry) for entry in entries}
    except _BROKEN_ZIP as error:
        raise damaged(tr("its archive is broken: {error}", error=_first_line(error))) from error


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> str:
    """Refuse what unpacks to more than the file, or is no archive of weights; returns the root folder's name with
    ``/``.
    """
    names = {entry.filename for entry in entries}
    if len(entries) > _MAX_MEMBERS or len(names) != len(entries):
        raise refused(tr("This archive has too many parts, or two of the same name."))
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
        raise refused(
            tr("This archive is compressed or encrypted; torch.save writes none such, and it could unpack without end.")
        )
    if sum(entry.file_size for entry in entries) > size:
        raise refused(tr("This archive would unpack to more than its own size."))
    roots = {name.partition("/")[0] + "/" for name in names}
    root = next(iter(roots), "")
    if len(roots) != 1 or f"{root}data.pkl" not in names or any(name.startswith(f"{root}code/") for name in names):
        raise refused(
            tr(
                "This archive holds something other than weights, such as a whole program (TorchScript) "
                "or a zip file of another kind."
            )
        )
    return root


def _check_pickle(pickled: bytes) -> None:
    """Refuse a pickle that names anything but tensors and their storages; nothing is run to find out."""
    if len(pickled) > _MAX_PICKLE:
        raise refused(tr("This file describes more than weights: {size} bytes of objects.", size=len(pickled)))
    try:
        found = [
            (opcode.name, arg) for opcode, arg, _ in pickletools.genops(pickled) if opcode.name in ("PROTO", "GLOBAL")
        ]
    except (ValueError, LookupError, struct.error) as error:
        raise damaged(tr("its list of weights is broken")) from error
    if any(arg != 2 for name, arg in found if name == "PROTO"):
        raise refused(tr("This file was not written in the usual way: torch.save uses version 2 of Python's pickle."))
    if foreign := sorted({str(arg) for name, arg in found if name == "GLOBAL"} - _ALLOWED):
        what = ", ".join(name.replace(" ", ".") for name in foreign[:3])
        raise refused(
            tr(
                "This file asks for {what}, which plain weights do not need and which could run a "
                "program. It was not loaded.",
                what=what,
            )
        )


def _flat(loaded: Any) -> dict[str, Tensor]:
    """`loaded` as name -> tensor. ``dict.items`` because a pickle can give an object attributes that hide its
    methods.
    """
    if isinstance(loaded, dict):
        inner = next((value for key, value in dict.items(loaded) if key in _NESTED and isinstance(value, dict)), loaded)
        if 0 < len(inner) <= MAX_TENSORS:
            return {_name(name): _checked(name, value) for name, value in dict.items(inner)}
    raise refused(tr("This file does not hold a list of weights (a state_dict)."))


def _name(name: Any) -> str:
    if isinstance(name, str) and len(name) <= 500 and name.isprintable():
        return name
    raise refused(tr("A name among the weights is not a text."))


def _checked(name: str, value: Any) -> Tensor:
    if type(value) not in (Tensor, nn.Parameter):
        raise refused(tr("{name} is not a tensor.", name=name))
    tensor: Tensor = value.detach()
    if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.dtype not in _DTYPES:
        raise refused(tr("{name} is a tensor of an unsupported kind.", name=name))
    if tensor.nbytes > tensor.untyped_storage().nbytes():
        raise refused(tr("{name} repeats the same numbers to seem larger than its data.", name=name))
    return tensor


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
