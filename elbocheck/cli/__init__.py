"""The command line: arguments in, report out, exit code back; no numerics."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from elbocheck import __version__
from elbocheck.cli.bench import add_bench
from elbocheck.cli.certify import add_certify
from elbocheck.cli.identify import add_identify
from elbocheck.cli.verify import add_verify
from elbocheck.errors import ElbocheckError, UsageError

__all__ = ["main"]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Turn argparse's usage error into ours: one line, exit code 2."""
        raise UsageError(f"{message}; see {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code.

    0: nothing failed. 1: something failed (or warned, under --strict). 2: the question was put wrongly.
    3: the run could not be done.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's own log would go past a report
    try:
        options = _parser().parse_args(argv)
        return int(options.run(options))
    except ElbocheckError as error:
        print(f"elbocheck: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("elbocheck: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader has gone: `elbocheck rules | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="elbocheck", description="Which model does a VAE loss imply, is it a bound, where does it break?"
    )
    parser.add_argument("--version", action="version", version=f"elbocheck {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    add_verify(commands.add_parser("verify", help="read a loss by calling it"))
    add_identify(commands.add_parser("identify", help="say what a loss is: its density, its code, its mass"))
    add_certify(commands.add_parser("certify", help="prove the references: digits, routes, ulps"))
    add_bench(
        commands.add_parser("bench", help="time references, frameworks and a loss: speed and accuracy in one table")
    )
    page = commands.add_parser("rule", help="print the page of a rule")
    page.add_argument("code", help="a code or a name, e.g. ELB103 or both-terms-mean")
    page.set_defaults(run=_rule)
    commands.add_parser("rules", help="list the rules").set_defaults(run=_rules)
    commands.add_parser("roles", help="list the roles and the argument names that stand for them").set_defaults(
        run=_roles
    )
    return parser


def _rule(options: argparse.Namespace) -> int:
    from elbocheck.rules import rule

    print(rule(options.code).page())
    return 0


def _rules(_: argparse.Namespace) -> int:
    from elbocheck.rules import RULES

    for one in RULES:
        print(f"{one.code}  {one.name}")
    return 0


def _roles(_: argparse.Namespace) -> int:
    import textwrap

    from elbocheck.roles import NAMES, STATE_NAMES, Role

    for role in Role:
        names = ", ".join(name for name, meant in {**NAMES, **STATE_NAMES}.items() if meant is role)
        print("\n".join(textwrap.wrap(names, 80, initial_indent=f"{role:<16}", subsequent_indent=" " * 16)))
    return 0
