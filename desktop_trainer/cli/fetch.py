"""``desktop-trainer download``: fetches a dataset and tells how far it is."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from desktop_trainer import folders
from desktop_trainer.cli.refusal import refusing
from desktop_trainer.experiment.data_settings import DataSettings
from desktop_trainer.i18n import tr

if TYPE_CHECKING:
    from desktop_trainer.files.download import DownloadProgress


def download_dataset(data: DataSettings) -> int:
    """Bring the dataset into the data folder; what has arrived when it is interrupted is used the next time.

    Raises:
        Refused: if no mirror gives it, or there is no room for it.
    """
    from desktop_trainer.cli.output import ProgressLine
    from desktop_trainer.files.download import download

    if data.dataset.remote is None:
        print(tr("{dataset} needs no download.", dataset=tr(data.dataset.label)))
        return 0
    root, line = folders.data_root(data.data_root), ProgressLine()
    with refusing(), closing(download(data.dataset, root)) as steps:
        for step in steps:
            line.show(_words(step))
    line.clear()
    print(tr("{dataset} is in {folder}", dataset=tr(data.dataset.label), folder=root))
    return 0


def _words(step: DownloadProgress) -> str:
    if step.phase == "waiting":
        return tr("Waiting: another program is downloading into this folder")
    total = "?" if step.total is None else f"{step.total / 1e6:.1f}"
    done = f"{step.done / 1e6:.1f}"
    if step.phase == "unpacking":
        return tr(
            "{file} ({number} of {count}): unpacking, {done} of {total} MB",
            file=step.file,
            number=step.number,
            count=step.count,
            done=done,
            total=total,
        )
    return tr(
        "{file} ({number} of {count}): {done} of {total} MB from {mirror}",
        file=step.file,
        number=step.number,
        count=step.count,
        done=done,
        total=total,
        mirror=step.mirror,
    )
