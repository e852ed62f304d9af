"""The command line: arguments in, report out, exit code back; no numerics."""

from __future__ import annotations

import argparse
import ast
import os
import sys
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any, NoReturn

from elbocheck import __version__
from elbocheck.errors import ElbocheckError, UsageError

_LARGEST = 10**8
"""Values of one datum: a call holds a few arrays of them."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Turn argparse's usage error into ours: one line, exit code 2."""
        raise UsageError(f"{message}; see {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code.

    0: nothing failed. 1: something failed (or warned, under --strict). 2: the question was put wrongly.
    3: the run could not be done.
    """
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
    _add_verify(commands.add_parser("verify", help="read a loss by calling it"))
    _add_certify(commands.add_parser("certify", help="prove the references: digits, routes, ulps"))
    _add_bench(
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


def _add_verify(verify: argparse.ArgumentParser) -> None:
    add = verify.add_argument
    add("target", help="file.py:name, pkg.mod:name, or a name of [tool.elbocheck.losses] in pyproject.toml")
    add(
        "--role",
        action="append",
        default=[],
        metavar="ARG=ROLE",
        help="what an argument is, by name or position; a number fixes it",
    )
    add("--set", action="append", default=[], metavar="ARG=VALUE", help="keep an argument at a value")
    add("--init", action="append", default=[], metavar="ARG=VALUE", help="instantiate a class with an argument")
    add(
        "--shape",
        action="append",
        default=[],
        metavar="WHAT=AxBxC",
        help="shape of one datum (x), prediction or latent vector (z)",
    )
    add("--framework", help="numpy or torch; by default what the loss's module uses")
    add("--dtype", help="float64 or float32; by default float64 identifies, the framework's own is stressed")
    add("--data", metavar="FILE", help="an .npy or .npz file of the data: its kind and range")
    add("--data-kind", help="binary, gray, counts or real")
    add("--data-range", nargs="+", metavar="LOW HIGH", help="lowest and highest value of the data")
    add(
        "--expect",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what is meant: family, beta, sigma, reduction, bound, free_bits",
    )
    add("--select", action="append", default=[], metavar="CODE", help="report these codes (or prefixes) only")
    add("--ignore", action="append", default=[], metavar="CODE", help="leave these codes (or prefixes) out")
    add("--strict", action="store_true", help="exit with 1 on warnings too")
    add("--seed", default="0", help="of every random choice, a whole number (0)")
    add("--format", choices=("text", "json"), default="text", help="how to print the verdict (text)")
    add("--output", metavar="FILE", help="write the report there instead")
    verify.set_defaults(run=_verify)


def _add_certify(certify: argparse.ArgumentParser) -> None:
    add = certify.add_argument
    add("names", nargs="*", metavar="NAME", help="a density, a divergence or a named certificate; by default all")
    add("--digits", default="50", metavar="N", help="decimal digits asked, 1 to 1000 (50)")
    add("--points", default="2", metavar="N", help="random members of each form (2)")
    add(
        "--ulp-points",
        default="10000",
        metavar="N",
        help="random points of each kernel and dtype, fewer for slopes, 0 for none (10000)",
    )
    add("--jobs", default="1", metavar="N", help="processes (1)")
    add("--seed", default="0", help="of every random choice, a whole number (0)")
    add("--format", choices=("text", "json"), default="text", help="how to print the table (text)")
    add("--output", metavar="FILE", help="write the table there instead")
    certify.set_defaults(run=_certify)


def _add_bench(bench: argparse.ArgumentParser) -> None:
    add = bench.add_argument
    add("target", nargs="?", help="a loss, as verify takes it; by default the references alone")
    add("--family", action="append", default=[], metavar="NAME", help="a density; by default the loss's, or three")
    add("--shape", default="128x784", metavar="BxD", help="data, and numbers of each (128x784)")
    add("--dtype", action="append", default=[], help="float32 or float64")
    add("--against", metavar="NAMES", help="numpy, scipy, torch, jax, tensorflow; by default what is installed")
    add("--threads", default="1", metavar="N", help="threads of each contender (1)")
    add("--seconds", default="30", metavar="N", help="to spend on turns, a whole number (30)")
    add("--role", action="append", default=[], metavar="ARG=ROLE", help="as verify takes it")
    add("--set", action="append", default=[], metavar="ARG=VALUE", help="keep an argument at a value")
    add("--init", action="append", default=[], metavar="ARG=VALUE", help="instantiate a class with an argument")
    add("--seed", default="0", help="of the data, a whole number (0)")
    add("--format", choices=("text", "json", "html"), default="text", help="how to print the table (text)")
    add("--output", metavar="FILE", help="write the table there instead")
    bench.set_defaults(run=_bench)


def _bench(options: argparse.Namespace) -> int:
    from elbocheck.bench import bench, html, render, to_json

    if options.output:
        _refuse_folder(options.output)
    shape = _shape("x", options.shape)
    if len(shape) != 2:
        raise UsageError(f"--shape {options.shape}: give two numbers, e.g. --shape 128x784")
    seed = _seed(options.seed)
    found = bench(
        _theirs(options, shape[1], seed) if options.target else None,
        families=options.family,
        shape=(shape[0], shape[1]),
        dtypes=options.dtype,
        against=None if options.against is None else options.against.replace(",", " ").split(),
        threads_each=_count("--threads", options.threads, 1),
        seconds=_count("--seconds", options.seconds, 1),
        seed=seed,
        progress=_bar,
    )
    _emit({"text": render, "json": to_json, "html": html}[options.format](found), options.output)
    return 0


def _theirs(options: argparse.Namespace, size: int, seed: int) -> Any:
    from elbocheck.bench import read_theirs
    from elbocheck.engine import verify
    from elbocheck.loading import load
    from elbocheck.loss import Loss

    function = load(options.target, _pairs("--init", options.init))
    given: Any = {
        "roles": {_key(k): _literal(v) if _is_number(v) else v for k, v in _strings("--role", options.role).items()},
        "constants": {_key(k): v for k, v in _pairs("--set", options.set).items()},
    }
    verdict = verify(function, target=options.target, seed=seed, **given)
    return read_theirs(verdict, Loss.of(function, target=options.target, seed=seed, **given), size)


def _certify(options: argparse.Namespace) -> int:
    from elbocheck.certify import certify, render, to_json

    if options.output:
        _refuse_folder(options.output)
    table = certify(
        options.names,
        digits=_count("--digits", options.digits, 1),
        points=_count("--points", options.points, 1),
        ulp_points=_count("--ulp-points", options.ulp_points, 0),
        jobs=_count("--jobs", options.jobs, 1),
        seed=_seed(options.seed),
        progress=_bar,
    )
    _emit(to_json(table) if options.format == "json" else render(table), options.output)
    return 1 if table.faults else 0


def _count(flag: str, text: str, least: int) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < least:
        raise UsageError(f"{flag} {text}: give a whole number from {least} up")
    return int(text)


def _bar(done: int, of: int, name: str) -> None:
    """Draw progress on a terminal, over itself."""
    if sys.stderr.isatty():
        filled = round(24 * done / of)
        end = "\n" if done == of else ""
        print(
            f"\r\x1b[K[{'#' * filled}{'.' * (24 - filled)}] {done}/{of} {name}"[:110],
            end=end,
            file=sys.stderr,
            flush=True,
        )


def _verify(options: argparse.Namespace) -> int:
    from elbocheck.engine import verify
    from elbocheck.loading import load

    if options.output:
        _refuse_folder(options.output)
    function = load(options.target, _pairs("--init", options.init))
    verdict = verify(
        function,
        target=options.target,
        roles={_key(k): _literal(v) if _is_number(v) else v for k, v in _strings("--role", options.role).items()},
        constants={_key(k): v for k, v in _pairs("--set", options.set).items()},
        shapes={k: _shape(k, v) for k, v in _strings("--shape", options.shape).items()},
        framework=options.framework,
        dtype=options.dtype,
        intent=_intent(options),
        select=_codes("--select", options.select),
        ignore=_codes("--ignore", options.ignore),
        seed=_seed(options.seed),
    )
    _print(verdict, options)
    return verdict.exit_code_if(strict=options.strict)


def _intent(options: argparse.Namespace) -> Any:
    from elbocheck.intent import Intent, describe_data

    kind, span = describe_data(options.data) if options.data else (None, None)
    if options.data_range is not None:
        span = _range(options.data_range)
    return Intent(options.data_kind or kind, span, _strings("--expect", options.expect))


def _range(words: list[str]) -> tuple[float, float]:
    ends = " ".join(words).replace(",", " ").split()
    try:
        low, high = map(float, ends)
    except ValueError:
        raise UsageError(f"--data-range {' '.join(words)}: give two numbers, e.g. --data-range 0 255") from None
    return low, high


def _print(verdict: Any, options: argparse.Namespace) -> None:
    from elbocheck.reports import json, terminal

    colour = not options.output and _colour()
    _emit(json.render(verdict) if options.format == "json" else terminal.render(verdict, colour=colour), options.output)


def _emit(text: str, output: str | None) -> None:
    if not output:
        encoding = sys.stdout.encoding or "utf-8"  # a console that lacks a letter shows its number
        print(text.encode(encoding, "backslashreplace").decode(encoding))
        return
    try:
        Path(output).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise _unwritable(output, error.strerror) from None


def _refuse_folder(output: str) -> None:
    """Refuse what cannot be written to before the work is done."""
    if os.path.isdir(output):
        raise _unwritable(output, "it is a folder")
    if not os.path.isdir(os.path.dirname(output) or "."):
        raise _unwritable(output, "no such folder")


def _unwritable(output: str, why: str | None) -> UsageError:
    return UsageError(f"cannot write {output!r} ({why}): name a file in a folder that exists")


def _colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


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

    from elbocheck.roles import NAMES, Role

    for role in Role:
        names = ", ".join(name for name, meant in NAMES.items() if meant is role)
        print("\n".join(textwrap.wrap(names, 80, initial_indent=f"{role:<14}", subsequent_indent=" " * 14)))
    return 0


def _strings(flag: str, words: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"{flag} {word!r}: write {flag} NAME=VALUE")
        if name in pairs:
            raise UsageError(f"{flag} gives {name!r} twice, {pairs[name]!r} and {value!r}: keep one")
        pairs[name] = value
    return pairs


def _pairs(flag: str, words: list[str]) -> dict[str, Any]:
    return {name: _literal(value) for name, value in _strings(flag, words).items()}


def _literal(text: str) -> Any:
    """Read a Python literal (numbers, True, None, tuples); anything else is a string."""
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text


def _is_number(text: str) -> bool:
    return isinstance(_literal(text), int | float)


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) >= 2**32:
        raise UsageError(f"--seed {text}: give a whole number from 0 to {2**32 - 1}")
    return int(text)


def _key(text: str) -> str | int:
    return int(text) if text.isdecimal() else text


def _shape(name: str, text: str) -> tuple[int, ...]:
    if text in ("", "scalar"):
        return ()
    try:
        shape = tuple(int(part) for part in text.replace(",", "x").split("x"))
    except ValueError:
        shape = (0,)
    if min(shape) < 1 or prod(shape) > _LARGEST:
        raise UsageError(
            f"--shape {name}={text}: write the sizes of one datum, e.g. --shape x=3x64x64 or x=scalar, "
            f"{_LARGEST:,} values at most"
        )
    return shape


def _codes(flag: str, words: list[str]) -> list[str]:
    for word in words:
        if not word.replace(",", " ").split():
            raise UsageError(f"{flag} {word!r} names no rule: write codes, e.g. {flag} ELB103,ELB4")
    return [code for word in words for code in word.replace(",", " ").split()]


if __name__ == "__main__":
    sys.exit(main())
