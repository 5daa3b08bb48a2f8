"""Remembers summaries of runs in a SQLite file. A file that is damaged, locked or not writable is made anew or done
without.

Each row carries its own checksum, because a page that was changed on the disk need not break SQLite's structure.
"""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from pydantic import TypeAdapter
from pydantic_core import from_json

from desktop_trainer.regular_files import is_link
from desktop_trainer.runs.summary import RunSummary

VERSION = 1
"""Of what a row holds. Raise it when `RunSummary` changes: a file of another version is made anew."""
_TABLE = "CREATE TABLE runs (name TEXT PRIMARY KEY, signature TEXT, summary TEXT, settings TEXT, checksum INTEGER)"
_NOT_NOW = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_NOMEM,
}
"""What says nothing against the file: it cannot be used now, or here."""


T = TypeVar("T")
_Row: TypeAlias = tuple[str, str, str, str, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one run, as of the state of its files that `signature` tells."""

    signature: str
    summary: RunSummary


class IndexCache:
    """The file at `path`. Nothing here raises: what cannot be read is not known, what cannot be written is not kept."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, runs: Path) -> dict[str, Entry]:
        """What was stored of the runs in the folder `runs`, by the names of their folders."""
        return self._try(lambda connection: _load(connection, runs), {}) if self._usable() else {}

    def store(self, known: Mapping[str, Entry], entries: Mapping[str, Entry]) -> None:
        """Bring the file from `known` to `entries`."""
        gone = [(name,) for name in known if name not in entries]
        rows = list(_rows({name: entry for name, entry in entries.items() if known.get(name) != entry}))
        if self.path.parent.is_dir() and (self._usable() or not os.path.lexists(self.path)):
            self._try(lambda connection: _store(connection, gone, rows), None)

    def _usable(self) -> bool:
        """SQLite would follow a link, and write into the database that is there."""
        return self.path.is_file() and not is_link(self.path)

    def _try(self, use: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        try:
            with closing(sqlite3.connect(self.path, timeout=0)) as connection:
                _prepare(connection)
                return use(connection)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _NOT_NOW:
                self._remove()
            return otherwise

    def _remove(self) -> None:
        for path in (self.path, self.path.with_name(self.path.name + "-journal")):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the table where there is none, or one of another version."""
    connection.execute("PRAGMA synchronous = OFF")  # a cache need not outlive a power cut
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        with connection:
            connection.execute("DROP TABLE IF EXISTS runs")
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA user_version = {VERSION}")


def _load(connection: sqlite3.Connection, runs: Path) -> dict[str, Entry]:
    entries, sections = {}, _Sections()
    for row in connection.execute("SELECT name, signature, summary, settings, checksum FROM runs"):
        with suppress(ValueError, TypeError, KeyError):  # not a row that `_store` wrote
            entries[row[0]] = _entry(runs, sections, *row)
    return entries


def _store(connection: sqlite3.Connection, gone: list[tuple[str]], rows: list[_Row]) -> None:
    with connection:
        connection.executemany("DELETE FROM runs WHERE name = ?", gone)
        connection.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?)", rows)


def _rows(entries: Mapping[str, Entry]) -> Iterator[_Row]:
    for name, entry in entries.items():
        values = asdict(entry.summary)
        del values["folder"], values["name"]
        settings = "\n".join(f"{json.dumps(key)}\t{json.dumps(value)}" for key, value in values.pop("values").items())
        text = json.dumps(values, default=datetime.isoformat)
        with suppress(UnicodeEncodeError):  # the name of a folder need not be text
            yield name, entry.signature, text, settings, _checksum(name, entry.signature, text, settings)


class _Sections(dict[str, Any]):
    """Sections of settings by their text: most runs have most of them in common, and then share them in memory."""

    def __missing__(self, text: str) -> Any:
        return self.setdefault(text, from_json(text))

    def values_of(self, settings: str) -> dict[str, Any]:
        """The settings that `_rows` wrote."""
        parts = (line.split("\t") for line in settings.split("\n") if line)
        return {self[key]: self[section] for key, section in parts}


def _entry(
    runs: Path, sections: _Sections, name: str, signature: str, text: str, settings: str, checksum: int
) -> Entry:
    if checksum != _checksum(name, signature, text, settings):
        raise ValueError(name)
    facts = from_json(text) | {"folder": runs / name, "name": name, "values": sections.values_of(settings)}
    return Entry(signature, _checker().validate_python(facts))


@cache
def _checker() -> TypeAdapter[RunSummary]:
    """A folder of runs may come from somebody else, with its index: each value must be of its kind."""
    return TypeAdapter(RunSummary)


def _checksum(*parts: str) -> int:
    return zlib.crc32("\0".join(parts).encode())
