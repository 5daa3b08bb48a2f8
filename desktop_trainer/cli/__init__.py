"""The commands. Each imports what is heavy when it runs, so that ``--help`` and ``list`` do not load torch.

Exit codes: 0 done; 1 something went wrong; 2 bad input; 129, 130 and 143 stopped by SIGHUP, SIGINT and SIGTERM, and
    kept;
141 nobody reads the output any more.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from desktop_trainer import i18n, process
from desktop_trainer.cli.refusal import Refused
from desktop_trainer.cli.signals import ignore_interrupts
from desktop_trainer.cli.streams import standard_streams
from desktop_trainer.cli.terminal import escaping, show_traceback
from desktop_trainer.experiment.errors import ExperimentError
from desktop_trainer.folders import NoSuchUser
from desktop_trainer.i18n import tr

INTERRUPTED, TERMINATED, PIPE_CLOSED = 130, 143, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv`, by default the process's arguments; returns the exit code."""
    interrupts = signal.getsignal(signal.SIGINT)
    process.prepare()
    try:
        if argv is None:  # the process is ours
            sys.excepthook = show_traceback
        with standard_streams() as trouble, escaping():
            code = _answered(list(sys.argv[1:] if argv is None else argv))
            if trouble.reason and code == 0:
                code = _complain(tr("The output could not be written to its end: {reason}.", reason=trouble.reason), 1)
            return code
    except KeyboardInterrupt:  # one more, while the first was being told of
        return INTERRUPTED
    finally:
        if argv is None:
            ignore_interrupts()
        elif signal.getsignal(signal.SIGINT) is not interrupts:  # whoever called goes on
            signal.signal(signal.SIGINT, interrupts)


def _answered(argv: list[str]) -> int:
    """What `_run` returns, or the exit code of what it raises, told in a sentence."""
    try:
        return _run(argv)
    except Refused as refused:
        return _complain(str(refused), refused.code)
    except NoSuchUser as error:
        return _complain(_no_such_user(error), 2)
    except ExperimentError as error:
        return _complain(str(error), 2)
    except KeyboardInterrupt:
        return _complain(tr("Interrupted."), INTERRUPTED)
    except BrokenPipeError:
        # What is still buffered must not fail again when Python ends (docs.python.org, "Note on SIGPIPE").
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _run(argv: list[str]) -> int:
    from desktop_trainer.cli import commands

    i18n.set_language(i18n.system_language())
    i18n.set_language(commands.language(argv))
    try:
        code = commands.parse(argv)()
    except SystemExit as shown:  # argparse's way to end after --help and --version
        code = int(shown.code or 0)
    sys.stdout.flush()
    return code


def _no_such_user(error: NoSuchUser) -> str:
    return tr(
        "{variable} is {value}, and this machine has no such user. Let it name a folder, or leave it out.",
        variable=error.variable,
        value=error.value,
    )


def _complain(message: str, code: int) -> int:
    print(f"desktop-trainer: {message}", file=sys.stderr)
    return code
