"""Where a dataset can be downloaded from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One archive to download: a single file packed with gzip (``.gz``), or a folder (``.tar.gz``).

    Attributes:
        name: the archive's name below each mirror. A ``.gz`` unpacks to the same name without its ending.
        digest: ``md5:...`` or ``sha256:...`` in hex.
        unpacked_bytes: what it unpacks to: exactly for a ``.gz``, at most for a ``.tar.gz``.
        of_content: the digest is of the unpacked content, not of the archive; for a ``.gz`` only.
    """

    name: str
    digest: str
    unpacked_bytes: int
    of_content: bool = False


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a dataset comes from.

    Attributes:
        mirrors: addresses of folders, each ending in ``/``, tried in this order.
        files: what to fetch from there.
        folder: where to unpack them, below the data root: names joined by ``/``, empty for the data root itself.
    """

    mirrors: tuple[str, ...]
    files: tuple[RemoteFile, ...]
    folder: str = ""
