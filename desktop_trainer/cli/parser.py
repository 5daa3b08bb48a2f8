"""argparse with our manners: one message, no abbreviations, and what is near an unknown option."""

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


class WholeFormatter(Formatter):
    """For commands that have a flag for each setting: the usage does not list them."""

    def add_usage(self, usage: str | None, actions: Any, groups: Any, prefix: str | None = None) -> None:
        """argparse's."""
        words = [str(action.metavar or action.dest) for action in actions if not action.option_strings]
        super().add_usage(usage or " ".join(["%(prog)s", *words, f"[{tr('OPTIONS')}]"]), actions, groups, prefix)


class BriefFormatter(WholeFormatter):
    """A line a flag: its short name only, and none of the values that it can take."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, **{"max_help_position": 40, **options})

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not (action.option_strings and action.option_strings[0].startswith("--")):
            return super()._format_action_invocation(action)
        name = action.option_strings[0]
        if isinstance(action, argparse.BooleanOptionalAction):
            return f"--[no-]{name.removeprefix('--')}"
        if action.nargs == 0:
            return name
        values = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{name} {'NAME' if '|' in values else values}"


class Parser(argparse.ArgumentParser):
    """Raises `Refused` where argparse would print its usage and exit."""

    def __init__(self, *, add_help: bool = True, **options: Any) -> None:
        options.setdefault("formatter_class", Formatter)
        super().__init__(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS, **options)
        self.color = False  # Python 3.14 would colour, but control characters are escaped
        if add_help:
            self.add_argument("-h", "--help", action="help", help=tr("Show this and exit."))

    def add_whole_help(self, argv: Sequence[str]) -> bool:
        """Let ``--help`` have a line a flag, and add ``--help-all``; returns whether `argv` asks for that."""
        self.add_argument(
            "--help-all", action="help", help=tr("Show all that there is to say of each setting, and exit.")
        )
        whole = "--help-all" in argv
        self.formatter_class = WholeFormatter if whole else BriefFormatter
        return whole

    def add_words(self, dest: str, argv: Sequence[str]) -> None:
        """Take the unknown options in `argv` as words: they are what is asked about."""
        for word in dict.fromkeys(argv):
            if word.startswith("--") and word.strip("-") and word.partition("=")[0] not in self._option_string_actions:
                self.add_argument(word, dest=dest, action="append_const", const=word, help=argparse.SUPPRESS)

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
    from desktop_trainer.experiment.fields import every_choice, settings_of

    for path, name, values in every_choice():
        own = [item.path for item in settings_of(values) if item.path.startswith(path + ".")]
        if any(option in (item.rpartition(".")[2].replace("_", "-"), flag_name(item)) for item in own):
            yield choosing(path, name)


def choosing(path: str, name: str) -> str:
    """The flag that chooses `name`: ``--optimizer sgd``."""
    return f"--{path.rpartition('.')[2]} {name}"


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
