"""What can be wrong with the files of a dataset, in words for people."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from desktop_trainer.i18n import tr

if TYPE_CHECKING:
    from pathlib import Path

    from desktop_trainer.experiment.remote import Remote


class DataError(Exception):
    """Data that cannot be used; its text says what happened, why, and what to do."""


class DataMissing(DataError):
    """Files of the dataset are not in the data folder."""


class DataDamaged(DataError):
    """Files of the dataset are there but cannot be read."""


class DataGone(DataError):
    """Files that were there when the run began can no longer be read."""


class OtherData(DataError):
    """The files are not those that a run was trained on."""


class DownloadFailed(DataError):
    """No mirror gave the file; the text names each with its reason, and the way without a network."""


class DiskFull(DataError):
    """There is too little space for the dataset; the text says how much is free and how much is needed."""


class FolderNotWritable(DataError):
    """The data folder cannot be made or written to."""


def readable(path: Path | str) -> str:
    """A path or a name as text that can be written anywhere, even if it is none."""
    return os.fsencode(path).decode("utf-8", "replace")


def way_without_network(remote: Remote, root: Path) -> str:
    """A sentence for people: which archives to put where below the data folder `root`."""
    return tr(
        "Without a network: fetch {files} with another machine, for example from {mirror}, put them as they are into "
        "{folder}, and ask for the download again; it then checks and unpacks them.",
        files=", ".join(file.name for file in remote.files),
        mirror=remote.mirrors[0],
        folder=root / remote.folder,
    )
