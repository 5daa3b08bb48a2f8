"""Which run is meant by what was typed: its name, a part of it, a path, or ``last``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_trainer import folders
from desktop_trainer.cli.refusal import Refused
from desktop_trainer.cli.text_table import clean
from desktop_trainer.i18n import tr

if TYPE_CHECKING:
    from desktop_trainer.runs.summary import RunSummary

LAST = "last"
_SHOWN = 10


def find_run(asked: str) -> RunSummary:
    """The run that `asked` means: a name, a path to a folder, ``last``, or what only one run's name begins with or
    holds.

    Raises:
        Refused: if there is none, or several; it lists them.
    """
    return read_run(find_folder(asked))


def find_folder(asked: str) -> Path:
    """As `find_run`, but only its folder, unread.

    Raises:
        Refused: see `find_run`.
    """
    if not asked.strip():
        raise Refused(
            tr("Say which run: its name, a part of it, the path of its folder, or {last} for the newest.", last=LAST), 2
        )
    runs = folders.runs()
    a_name = Path(asked).name == asked and asked != ".."
    folder = runs / asked if a_name else Path(asked).absolute()
    if os.path.isdir(folder):  # noqa: PTH112  # says no, too, to what no path can be
        return folder
    from desktop_trainer.runs.index import RunIndex

    found = RunIndex(runs).refresh()
    if asked == LAST and found:
        return found[0].folder
    names = {summary.name: summary.folder for summary in found}
    return names[
        matching(
            asked, list(names), tr("There is no run {asked}. See desktop-trainer runs list.", asked=f"“{clean(asked)}”")
        )
    ]


def matching(asked: str, names: Sequence[str], none: str) -> str:
    """The one of `names`, the newest first, that is `asked`, else the only one that begins with it, else that holds it.

    `none` is the sentence to say if there is none.

    Raises:
        Refused: if there is none, or several; it lists them.
    """
    if asked in names:
        return asked
    wanted = asked.casefold()
    starting = [name for name in names if name.casefold().startswith(wanted)]
    candidates = starting or [name for name in names if wanted in name.casefold()]
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise Refused(_none(none, asked, names), 2)
    text = tr(
        "{asked} can be {count} runs; say more of the name, or {last} for the newest:",
        asked=f"“{clean(asked)}”",
        count=len(candidates),
        last=LAST,
    )
    raise Refused("\n".join([text, *_listed(candidates)]), 2)


def read_run(folder: Path) -> RunSummary:
    """The run in `folder`.

    Raises:
        Refused: if there is none.
    """
    from desktop_trainer.runs.run_folder import NotARun
    from desktop_trainer.runs.summary import read_summary

    try:
        return read_summary(folder)
    except NotARun as error:
        raise Refused(str(error)) from error


def _none(text: str, asked: str, names: Sequence[str]) -> str:
    near = get_close_matches(asked, names, n=3)
    return "\n".join([text, tr("Near it:"), *_listed(near)]) if near else text


def _listed(names: Sequence[str]) -> list[str]:
    more = [tr("… and {count} more", count=len(names) - _SHOWN)] if len(names) > _SHOWN else []
    return [f"  {line}" for line in (*map(clean, names[:_SHOWN]), *more)]
