"""Every run below a folder, without reading again what has not changed. Knows folders and a cache; the folders are
the truth.
"""

from __future__ import annotations

import os
from pathlib import Path

from desktop_trainer import folders
from desktop_trainer.runs.history import JournalReader
from desktop_trainer.runs.index_cache import Entry, IndexCache
from desktop_trainer.runs.lock import is_running
from desktop_trainer.runs.run_folder import CHECKPOINTS, EVENTS, EXPERIMENT, NOTES, RUN, NotARun
from desktop_trainer.runs.summary import RunSummary, read_summary

INDEX = ".index.sqlite"
_WATCHED = ("", RUN, EXPERIMENT, NOTES, EVENTS, CHECKPOINTS)
"""What tells that a run changed: its folder's own names, and the content of these."""
_UNFINISHED = ("new", "running", "interrupted")


class RunIndex:
    """The runs in the folder `runs`, by default the program's own. Not for two threads at once.

    Attributes:
        unreadable: folders that hold no run this program can read, with the reason, as of the last refresh.
    """

    def __init__(self, runs: Path | None = None) -> None:
        self.runs = runs or folders.runs()
        self.unreadable: dict[str, str] = {}
        self._cache = IndexCache(self.runs / INDEX)
        self._entries: dict[str, Entry] | None = None
        self._readers: dict[str, JournalReader] = {}

    def refresh(self) -> list[RunSummary]:
        """Every run there is now, the newest first. Only what changed is read again."""
        known = self._cache.load(self.runs) if self._entries is None else self._entries
        self.unreadable = {}
        entries = {name: entry for name in _names(self.runs) if (entry := self._entry(name, known.get(name)))}
        if entries != known:
            self._cache.store(known, entries)
        self._entries = entries
        self._readers = {name: reader for name, reader in self._readers.items() if name in entries}
        summaries = [entry.summary for entry in entries.values()]
        return sorted(summaries, key=lambda item: (item.created, item.name), reverse=True)

    def _entry(self, name: str, known: Entry | None) -> Entry | None:
        signature = _signature(os.path.join(self.runs, name))  # noqa: PTH118  # for thousands, text is several times faster
        if known is not None and known.signature == signature and _still(known.summary):
            return known
        try:
            return Entry(signature, self._read(name))
        except NotARun as error:
            self.unreadable[name] = str(error)
            return None

    def _read(self, name: str) -> RunSummary:
        reader = self._readers.pop(name, None) or JournalReader(self.runs / name, records=False)
        summary = read_summary(self.runs / name, reader)
        if summary.outcome == "running":
            self._readers[name] = reader  # its journal grows: the next time only the new lines are read
        return summary


def _still(summary: RunSummary) -> bool:
    """Whether a run whose files have not changed is still going on, or still not: a killed process changes no file."""
    return summary.outcome not in _UNFINISHED or is_running(summary.folder) == (summary.outcome == "running")


def _names(runs: Path) -> list[str]:
    """The folders below `runs`, hidden ones left out."""
    try:
        with os.scandir(runs) as found:
            return [entry.name for entry in found if not entry.name.startswith(".") and entry.is_dir()]
    except OSError:
        return []


def _signature(folder: str) -> str:
    """Changes when something in the folder does: times and sizes of what is watched."""
    parts = []
    for name in _WATCHED:
        try:
            status = os.stat(f"{folder}/{name}")  # noqa: PTH116  # see above
            parts.append(f"{status.st_mtime_ns} {status.st_size}")
        except OSError:
            parts.append("")
    return ";".join(parts)
