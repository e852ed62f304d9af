"""From what a person types to the loss: `file.py:name`, `pkg.mod:a.b`, or a bare name."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import tomllib
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from elbocheck.adapters import FRAMEWORKS
from elbocheck.errors import RunError, TargetError, UsageError
from elbocheck.models.distributions import is_distribution

_INSTALLABLE = frozenset({*FRAMEWORKS, "jax", "tensorflow", "keras"})
_READABLE = "write file.py:name or pkg.mod:name"


class UserImportError(RunError):
    """The user's module does not import: theirs is the traceback."""


def load(target: str, init: Mapping[str, Any] | None = None, *, again: bool = False) -> Callable[..., Any]:
    """Return the loss that `target` names.

    Args:
        target: `file.py:name`, `file.py::name`, `pkg.mod:name` (dots reach into objects), `pkg.mod.name`, or a
            name in `[tool.elbocheck.losses]` of pyproject.toml or a module or file of the working folder.
        init: arguments to instantiate a class with.
        again: take a file that is imported already as it is.

    Raises:
        TargetError: no such file, module or name, with the closest match.
        UserImportError: the module raises while it is imported.
        UsageError: the object is not callable.
    """
    place, name = _split(_alias(target))
    module = _imported(place) if again else None
    found = _reach(module or _import(place), name, target)
    if isinstance(found, type) and (init or not is_distribution(found)):
        found = _instantiate(found, init or {}, target)
    elif init:
        raise UsageError(f"--init goes with a class: {target!r} is a {type(found).__name__}")
    if not callable(found) and not is_distribution(found):
        raise UsageError(f"{target!r} is {_shown(found)}, not callable: name a function, a method or a callable object")
    return found  # type: ignore[no-any-return]  # Any, whatever it is


def _alias(target: str) -> str:
    """Look a bare name up in pyproject.toml of the working folder."""
    if ":" in target:
        return target
    losses = _configured()
    if target in losses:
        return str(losses[target])
    if "." in target or os.path.isfile(f"{target}.py"):
        return target
    near = get_close_matches(target, losses, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? Otherwise " if near else ""
    raise TargetError(f"no loss called {target!r} in [tool.elbocheck.losses] of pyproject.toml: {hint}{_READABLE}")


def _configured() -> dict[str, Any]:
    file = Path("pyproject.toml")
    if not file.is_file():
        return {}
    try:
        table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # neither TOML nor UTF-8
        raise UsageError(f"pyproject.toml cannot be read ({error}): repair it, or {_READABLE}") from None
    for name in ("tool", "elbocheck", "losses"):
        table = table.get(name, {})
        if not isinstance(table, dict):
            raise UsageError(
                f"pyproject.toml sets {name} = {table!r}: write name = 'file.py:loss' in [tool.elbocheck.losses]"
            )
    return table


def _split(target: str) -> tuple[str, str]:
    """Split a target into the module or file and the name in it, which may be missing."""
    place, colon, name = target.replace("::", ":").rpartition(":")
    if not colon or (len(place) == 1 and sys.platform == "win32"):
        if target.endswith(".py") or os.path.isfile(f"{target}.py"):
            return target if target.endswith(".py") else f"{target}.py", ""
        place, _, name = target.rpartition(".")
        colon = name
    whole = bool(place) if _is_file(place) else all(place.split("."))
    if not (whole and colon) or (name and not all(name.split("."))):
        raise TargetError(f"cannot read the target {target!r}: {_READABLE}")
    return place, name


def _is_file(place: str) -> bool:
    return place.endswith(".py") or "/" in place


def _import(place: str) -> ModuleType:
    if _is_file(place):
        return _import_file(Path(place))
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` does: modules of the working folder
    try:
        with _own_arguments(place):
            return importlib.import_module(place)
    except ModuleNotFoundError as missing:
        parts = place.split(".")
        if missing.name and any(missing.name == ".".join(parts[: n + 1]) for n in range(len(parts))):
            raise _no_module(place, missing.name) from None
        raise _theirs(place, missing) from missing
    except (Exception, SystemExit) as error:  # whatever their module raises is shown as theirs
        raise _theirs(place, error) from error


def _imported(place: str) -> ModuleType | None:
    """Return the module of a file that is imported already."""
    module = sys.modules.get(Path(place).stem) if _is_file(place) else None
    known = getattr(module, "__file__", None)
    return module if known is not None and os.path.realpath(known) == os.path.realpath(place) else None


def _import_file(file: Path) -> ModuleType:
    if not os.path.isfile(file):
        raise _no_file(file)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise TargetError(f"{str(file)!r} is no Python file: write file.py:name")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.resolve().parent))  # as `python file.py` does: their neighbours import
    before = sys.modules.get(file.stem)
    sys.modules[file.stem] = module
    try:
        with _own_arguments(str(file)):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever their file raises is shown as theirs
        if before is None:
            sys.modules.pop(file.stem, None)
        else:
            sys.modules[file.stem] = before
        raise _theirs(str(file), error) from error
    return module


@contextmanager
def _own_arguments(place: str) -> Iterator[None]:
    """Give a module an empty command line, and stderr to print to: it must not read our arguments nor spoil our JSON."""
    ours = sys.argv
    sys.argv = [place]
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.argv = ours


def _no_file(file: Path) -> TargetError:
    if os.path.isdir(file):
        return TargetError(f"{str(file)!r} is a folder: name a file in it, as folder/file.py:name")
    folder = file.parent if os.path.isdir(file.parent) else Path()
    near = get_close_matches(file.name, [p.name for p in folder.glob("*.py")], n=1, cutoff=0.5)
    hint = f"did you mean {str(folder / near[0])!r}?" if near else "write the path from the working folder"
    return TargetError(f"no file {str(file)!r}: {hint}")


def _no_module(place: str, missing: str) -> TargetError:
    if missing in _INSTALLABLE:
        return TargetError(f"{missing} is not installed, and {place!r} needs it: pip install 'elbocheck[{missing}]'")
    return TargetError(f"no module {missing!r} for {place!r}: install it, or run elbocheck where it can be imported")


def _theirs(place: str, error: BaseException, fails: str = "does not import") -> UserImportError:
    """Return their error with their traceback, ours cut off."""
    ours = ("<frozen", __file__, importlib.__file__ or "?")
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(ours):
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames)).rstrip()
    extra = ""
    if isinstance(error, ModuleNotFoundError) and error.name in _INSTALLABLE:
        extra = f"\n{error.name} is not installed: pip install 'elbocheck[{error.name}]'"
    elif isinstance(error, SystemExit):
        extra = "\nput what runs as a script under: if __name__ == '__main__':"
    return UserImportError(f"{place!r} {fails}; its own error is\n{text}{extra}")


def _reach(module: ModuleType, name: str, target: str) -> Any:
    found: Any = module
    if not name:
        names = [n for n, v in vars(module).items() if callable(v) and getattr(v, "__module__", "") == module.__name__]
        listed = ", ".join(names[:12]) or "its functions"
        raise TargetError(f"{target!r} names no loss: write {target.rstrip(':')}:NAME with one of {listed}")
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise _no_name(found, part) from None
        except Exception as error:
            raise _theirs(target, error, "cannot be reached") from error
    return found


def _no_name(owner: object, part: str) -> TargetError:
    known = [n for n in dir(owner) if not n.startswith("_")]
    near = get_close_matches(part, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known[:8]) or 'no names'}"
    return TargetError(f"{getattr(owner, '__name__', type(owner).__name__)!r} has no {part!r}: {hint}")


def _instantiate(cls: type, init: Mapping[str, Any], target: str) -> Any:
    try:
        inspect.signature(cls).bind(**init)
    except TypeError as error:
        given = f"with {', '.join(init)}" if init else "without arguments"
        raise UsageError(f"cannot make {target!r} {given} ({error}): give them with --init NAME=VALUE") from None
    except ValueError:  # a built-in class has no signature to read
        pass
    try:
        return cls(**init)
    except Exception as error:
        raise _theirs(target, error, "cannot be made") from error


def _shown(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
