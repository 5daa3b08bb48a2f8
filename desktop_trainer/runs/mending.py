"""Notices that somebody deleted a run's files while it is going on, and writes again what is known."""

from __future__ import annotations

from pathlib import Path

from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr
from desktop_trainer.runs.files import Disk, SaveFailed, save_failed
from desktop_trainer.runs.journal import Journal
from desktop_trainer.runs.kept_models import KeptModels
from desktop_trainer.runs.lock import RunLock
from desktop_trainer.runs.run_folder import EVENTS, EXPERIMENT, LOCK, RUN, RunFacts, write_experiment, write_facts


class Mender:
    """Looks after the files of the run in `folder`, whose `journal` lives on, for whoever writes it, when it is
    deleted.
    """

    def __init__(self, folder: Path, journal: Journal, models: KeptModels, lock: RunLock, disk: Disk) -> None:
        self._folder, self._journal, self._models, self._lock, self._disk = folder, journal, models, lock, disk

    def mend(self, facts: RunFacts, experiment: Experiment) -> str:
        """Write again what was deleted, all but checkpoints; a sentence that says so, empty if nothing was.

        Raises:
            SaveFailed: if that was not possible, or if files were not deleted but moved: then a person can bring
                them back.
        """
        place = self._folder / EVENTS
        match self._journal.whereabouts():
            case "deleted":
                return self._write_again(facts, experiment)
            case "moved":
                raise SaveFailed(
                    tr(
                        "{file} is not there any more: it, or the run's folder, was moved or renamed, or its "
                        "disk is gone. Put it back where it was.",
                        file=place,
                    )
                )
            case "replaced":
                raise SaveFailed(
                    tr(
                        "{file} was replaced by another file while the run was writing it. Move the other one "
                        "away; the run then writes its own again.",
                        file=place,
                    )
                )
            case _:
                return ""

    def _write_again(self, facts: RunFacts, experiment: Experiment) -> str:
        whole = not self._folder.is_dir()
        if whole:
            self._make_folder()
        if not (self._folder / LOCK).exists():
            self._lock.renew()
        if not (self._folder / RUN).exists():
            write_facts(self._folder, facts, self._disk)
        if not (self._folder / EXPERIMENT).exists():
            write_experiment(self._folder, experiment, self._disk)
        self._models.write_again()
        self._journal.write_again()
        if whole:
            return tr(
                "The run's folder {folder} was deleted while the run was going on. It was made again, "
                "with the journal, the settings and what the run is now; earlier checkpoints, your "
                "notes, and the best model if it was an earlier one, are lost.",
                folder=self._folder,
            )
        return tr(
            "{file} was deleted while the run was writing it. It was written again; nothing of it is lost.",
            file=self._folder / EVENTS,
        )

    def _make_folder(self) -> None:
        try:
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            self._disk.make_folder(self._folder)
            self._disk.sync_folder(self._folder.parent)
        except OSError as error:
            raise save_failed(self._folder, 0, error) from error
