"""What can be dropped on the window: a model, an experiment, a run."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QDropEvent

from desktop_trainer.ui.model_files import ENDINGS


def dropped(event: QDropEvent) -> Path | None:
    """The file or folder that is being dropped, if it is one that can be opened."""
    urls = event.mimeData().urls()
    path = Path(urls[0].toLocalFile()) if len(urls) == 1 and urls[0].isLocalFile() else None
    return path if path is not None and (path.suffix in (*ENDINGS, ".json") or is_run(path)) else None


def is_run(path: Path) -> bool:
    """Whether `path` is a run's folder, or a zip file, which may hold one."""
    from desktop_trainer.runs.importing import can_be_run

    return can_be_run(path)
