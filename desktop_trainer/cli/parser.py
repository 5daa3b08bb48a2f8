"""argparse with our manners: one message, no abbreviations, and what is near an unknown option. Knows no command."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from desktop_trainer.cli.refusal import Refused
from desktop_trainer.cli.text_table import wrapped
from desktop_trainer.i18n import joined, mark, titled, tr


def _own_words(text: str | None) -> str | None:
    return text and tr(text)


argparse._ = _own_words  # type: ignore[attr-defined]  # gettext's would take the environment's language, not that of --language

WORDS = (
    mark("usage: "),
    mark("options"),
    mark("positional arguments"),
    mark("argument %(argument_name)s: %(message)s"),
    mark("expected one argument"),
    mark("expected at least one argument"),
    mark("ignored explicit argument %r"),
    mark("invalid %(type)s value: %(value)r"),
    mark("invalid choice: %(value)r (choose from %(choices)s)"),
    mark("the following arguments are required: %s"),
)
"""What argparse itself says where our commands can make it speak; of other versions' words some stay English."""


_HEADING = re.compile(r"^(\S.*):$", re.MULTILINE)


class Formatter(argparse.HelpFormatter):
    """Wraps by the places that characters take: a Chinese one takes two, and is not followed by a space."""

    def format_help(self) -> str:
        """argparse's: it writes the colon of a heading itself."""
        return _HEADING.sub(lambda found: titled(found[1], "").rstrip(), super().format_help())

    def _split_lines(self, text: str, width: int) -> list[str]:
        return list(wrapped(text, width))

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(indent + line for line in wrapped(text, width - len(indent)))


class Parser(argparse.ArgumentParser):
    """Raises `Refused` where argparse would print its usage and exit."""

    def __init__(self, *, add_help: bool = True, **options: Any) -> None:
        options.setdefault("formatter_class", Formatter)
        super().__init__(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS, **options)
        self.color = False  # Python 3.14 would colour, but control characters are escaped
        if add_help:
            self.add_argument("-h", "--help", action="help", help=tr("Show this and exit."))

    def error(self, message: str) -> NoReturn:
        """argparse's own complaints."""
        raise Refused(f"{message}\n{tr('See {command} --help.', command=self.prog)}", 2)

    def refuse_unknown(self, extras: Sequence[str]) -> None:
        """Raise `Refused` if anything was left over, and name what could have been meant."""
        options = [extra.partition("=")[0] for extra in extras if extra.startswith("--")]
        if options:
            self.error("\n".join(map(self._unknown, options)))
        if extras:
            self.error(tr("This is one too many: {words}", words=" ".join(extras)))

    def _unknown(self, option: str) -> str:
        lines = [tr("There is no option {option}.", option=option)]
        near = get_close_matches(option, self._option_string_actions, n=3)
        if near:
            lines.append(tr("Near it: {options}.", options=", ".join(near)))
        owners = list(_owners(option.removeprefix("--").removeprefix("no-")))
        if owners and "--model" in self._option_string_actions:
            lines.append(tr("It belongs to another choice; add {options}.", options=" / ".join(owners)))
        return joined(*lines)


def _owners(option: str) -> Iterator[str]:
    """The flags that choose what has `option`: ``--optimizer sgd`` for ``momentum``."""
    from desktop_trainer.experiment.fields import settings_of, with_value

    for path, names in _choices():
        for name in names:
            values = with_value({}, path, name)
            own = [item.path for item in settings_of(values) if item.path.startswith(path + ".")]
            if any(option in (item.rpartition(".")[2].replace("_", "-"), flag_name(item)) for item in own):
                yield f"--{path.rpartition('.')[2]} {name}"


def _choices() -> list[tuple[str, list[str]]]:
    from desktop_trainer.experiment.fields import settings_of

    return [(item.path, list(item.registry)) for item in settings_of({}) if item.registry is not None]


def flag_name(path: str) -> str:
    """``optimizer.weight_decay`` as ``optimizer-weight-decay``."""
    return path.replace(".", "-").replace("_", "-")


def add_sources(parser: argparse.ArgumentParser) -> None:
    """``--recipe`` and ``--config``: whole experiments, which the other flags change."""
    parser.add_argument(
        "--recipe", metavar="NAME", help=tr("Start from this recipe; see desktop-trainer list recipes.")
    )
    parser.add_argument(
        "--config", metavar="FILE", help=tr("Read settings from this JSON file. They go before the recipe's.")
    )
