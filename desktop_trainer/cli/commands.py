"""Which commands there are and which arguments each takes.

The settings are loaded by the commands that have flags of them: ``--help`` answers without.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from desktop_trainer import __version__, folders
from desktop_trainer.cli.parser import Parser, add_sources
from desktop_trainer.i18n import LANGUAGES, system_language, tr

Given = dict[str, Any]
Run = Callable[[Given], int]

_EXAMINED = ("data.dataset", "data.batch_size", "data.test_batch_size", "data.image_size", "data.data_root", "device")
"""What `evaluate` lets be changed: where and on what, not what the model is."""
_HELP = {"-h", "--help", "--help-all"}


def language(argv: list[str]) -> str:
    """The language that ``--language`` asks for, else the system's: known before anything is said."""
    parser = Parser(prog="desktop-trainer", add_help=False)
    _add_language(parser)
    return str(vars(parser.parse_known_args(argv)[0]).get("language", system_language()))


def parse(argv: list[str]) -> Callable[[], int]:
    """What `argv` asks for, ready to be called.

    Raises:
        Refused, ExperimentError: if it is not understood.
        SystemExit: after ``--help`` or ``--version``.
    """
    parser = Parser(
        prog="desktop-trainer",
        description=tr(
            "Train a neural network by pointing and clicking: every batch in sight, every number "
            "explained. Without a command the window opens."
        ),
    )
    parser.add_argument("--version", action="version", version=__version__, help=tr("Show the version and exit."))
    _add_language(parser)
    add_sources(parser)
    subparsers = parser.add_subparsers(title=tr("commands"), dest="command", metavar="COMMAND")
    runs: dict[str | None, Run] = {None: _open_window}
    for name, (text, build) in _commands().items():
        command = subparsers.add_parser(name, help=text, description=text)
        _add_language(command)
        if name in argv:  # only the command that is asked for needs its flags, and what they are read from
            runs[name] = build(command, argv)
    given, extras = parser.parse_known_args(argv)
    named: str | None = vars(given).get("command")
    (subparsers.choices[named] if named else parser).refuse_unknown(extras)
    return partial(runs[named], vars(given))


def _commands() -> dict[str, tuple[str, Callable[[Parser, list[str]], Run]]]:
    return {
        "train": (
            tr("Train without a window. The flags follow the choices: --model NAME --help shows that model's options."),
            _train,
        ),
        "resume": (tr("Let a run go on where it was: exactly, or with settings that are changed by flags."), _resume),
        "evaluate": (tr("Examine a saved model on a test set."), _evaluate),
        "runs": (tr("List, show, compare, delete, export and import runs."), _runs),
        "list": (tr("List what can be chosen."), _list),
        "explain": (tr("Explain a setting: what it does, its flag, its default, its bounds."), _explain),
        "batches": (tr("Show how many batches a number of samples makes, and why."), _batches),
        "download": (tr("Fetch a dataset into the data folder."), _download),
        "benchmark": (
            tr("Measure how fast this machine trains, against a plain loop and against what it allows."),
            _benchmark,
        ),
    }


def _add_language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--language", choices=list(LANGUAGES), help=tr("The language of the texts; else the system's."))


def _add_json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help=tr("Print JSON for programs, not lines for people."))


def _open_window(given: Given) -> int:
    from desktop_trainer.cli import flags
    from desktop_trainer.experiment.problems import parse_experiment

    asked = "recipe" in given or "config" in given
    experiment = parse_experiment(flags.source_values(given)) if asked else None
    from desktop_trainer.ui.app import main as open_window

    return open_window(experiment, given.get("language", ""))


def _train(parser: Parser, argv: list[str]) -> Run:
    from desktop_trainer.cli import flags
    from desktop_trainer.experiment.fields import settings_of

    add_sources(parser)
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help=tr("Start from this saved model and its settings; the other flags change these."),
    )
    parser.add_argument(
        "--save",
        metavar="FILE",
        help=tr(
            "Write the model here at the end: .safetensors with its settings and figures, or .pt for its weights alone."
        ),
    )
    _add_json(parser)
    early = Parser(prog=parser.prog, add_help=False)
    add_sources(early)
    early.add_argument("--weights")
    given = vars(early.parse_known_args(argv)[0])
    values, weights = _start(given) if not _HELP & set(argv) else (flags.source_values(given), None)
    values = flags.with_choices(argv, values, keep_size=weights is not None)
    items = settings_of(values)
    flags.add_flags(parser, items, values, whole=parser.add_whole_help(argv))
    return lambda given: _run_train(given, flags.changed(values, flags.changes(given, items)), weights)


def _start(given: Given) -> tuple[dict[str, Any], Any]:
    """The settings and the weights to start from."""
    from desktop_trainer.cli import flags
    from desktop_trainer.experiment.fields import merged

    if "weights" not in given:
        return flags.source_values(given), None
    from desktop_trainer.cli.evaluate import load

    saved, values = load(given["weights"])
    return merged(values, flags.source_values(given)), saved.weights


def _run_train(given: Given, values: dict[str, Any], weights: Any) -> int:
    from desktop_trainer.cli.train import train
    from desktop_trainer.experiment.problems import parse_experiment

    save = Path(given["save"]) if "save" in given else None
    options = {"as_json": given.get("json", False), "recipe": given.get("recipe", "")}
    return train(parse_experiment(values), weights, save, **options)


def _resume(parser: Parser, argv: list[str]) -> Run:
    from desktop_trainer.cli import flags
    from desktop_trainer.cli.resume import changeable, resume

    parser.add_argument(
        "run",
        metavar="RUN",
        help=tr("The name of a run, or the path of its folder; it comes before the flags that change settings."),
    )
    parser.add_argument("--checkpoint", metavar="NAME", help=tr("Go back to this checkpoint, not the newest one."))
    _add_json(parser)
    items, values = changeable(argv)
    flags.add_flags(parser, items, values, whole=parser.add_whole_help(argv))
    return lambda given: resume(
        given["run"], dict(flags.changes(given, items)), given.get("checkpoint"), as_json=given.get("json", False)
    )


def _evaluate(parser: Parser, argv: list[str]) -> Run:
    from desktop_trainer.cli import flags
    from desktop_trainer.experiment.fields import settings_of

    parser.add_argument("model", metavar="MODEL", help=tr("A model file that was saved."))
    _add_json(parser)
    items = [item for item in settings_of(flags.with_choices(argv, {})) if item.path.startswith(_EXAMINED)]
    flags.add_flags(parser, items, None, whole=parser.add_whole_help(argv))

    def run(given: Given) -> int:
        from desktop_trainer.cli.evaluate import evaluate

        return evaluate(given["model"], flags.changes(given, items), as_json=given.get("json", False))

    return run


def _runs(parser: Parser, _argv: list[str]) -> Run:
    from desktop_trainer.cli.runs import add_flags, run

    for action in add_flags(parser):
        _add_language(action)
    return run


def _list(parser: Parser, _argv: list[str]) -> Run:
    from desktop_trainer.cli.tables import KINDS, show_choices

    parser.add_argument("kind", nargs="?", default=None, choices=KINDS, help=tr("Which kind; all of them without one."))
    return lambda given: show_choices(given.get("kind"))


def _explain(parser: Parser, argv: list[str]) -> Run:
    from desktop_trainer.cli.explain import explain

    parser.add_words("flags", argv[argv.index("explain") + 1 :])
    parser.add_argument(
        "words",
        metavar="SETTING",
        nargs="*",
        help=tr("Its flag, its name in files, or what the window calls it: lr, optimizer.lr, learning rate."),
    )
    return lambda given: explain(" ".join([*given.get("flags", []), *given.get("words", [])]))


def _batches(parser: Parser, _argv: list[str]) -> Run:
    from desktop_trainer.cli.tables import show_batches

    parser.add_argument("samples", metavar="N", help=tr("The number of samples."))
    parser.add_argument("--batch-size", metavar="B", required=True, help=tr("Samples in a batch."))
    parser.add_argument("--drop-last", action="store_true", help=tr("Leave out a last batch that is not full."))
    _add_json(parser)
    return lambda given: show_batches(
        given["samples"], given["batch_size"], drop_last=given.get("drop_last", False), as_json=given.get("json", False)
    )


def _download(parser: Parser, _argv: list[str]) -> Run:
    parser.add_argument("dataset", metavar="DATASET", help=tr("Its name; see desktop-trainer list datasets."))
    parser.add_argument("--data-root", metavar="FOLDER", help=tr("The data folder; else the usual one."))

    def run(given: Given) -> int:
        from desktop_trainer.cli.fetch import download_dataset
        from desktop_trainer.experiment.problems import parse_experiment

        data = {"dataset": given["dataset"], "data_root": given.get("data_root", "")}
        folders.name_computer(data["data_root"])
        return download_dataset(parse_experiment({"data": data, "model": "softmax"}).data)

    return run


def _benchmark(parser: Parser, _argv: list[str]) -> Run:
    from desktop_trainer.cli.benchmark import add_flags, benchmark

    add_flags(parser)
    return benchmark
