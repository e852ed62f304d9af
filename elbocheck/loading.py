"""From what a person types to the loss: `file.py:name`, `pkg.mod:a.b`, or a bare name."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import tomllib
import traceback
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from elbocheck.adapters import FRAMEWORKS
from elbocheck.errors import RunError, TargetError, UsageError

_INSTALLABLE = {**{name: name for name in (*FRAMEWORKS, "jax", "tensorflow", "keras")}}


class UserImportError(RunError):
    """The user's module does not import: theirs is the traceback."""


def load(target: str, init: Mapping[str, Any] | None = None) -> Callable[..., Any]:
    """Return the loss that `target` names.

    Args:
        target: `file.py:name`, `file.py::name`, `pkg.mod:name` (dots reach into objects), `pkg.mod.name`, or a name in
            `[tool.elbocheck.losses]` of pyproject.toml or a module or file of the working folder.
        init: arguments to instantiate a class with.

    Raises:
        TargetError: no such file, module or name, with the closest match.
        UserImportError: the module raises while it is imported.
        UsageError: the object is not callable.
    """
    place, name = _split(_alias(target))
    module = _import(place)
    found = _reach(module, name, target)
    if isinstance(found, type):
        found = _instantiate(found, init or {}, target)
    elif init:
        raise UsageError(f"--init goes with a class: {target!r} is a {type(found).__name__}")
    if not callable(found):
        raise UsageError(f"{target!r} is {found!r}, not callable: name a function, a method or a callable object")
    return found  # type: ignore[no-any-return]  # callable() narrows Any to no signature


def _alias(target: str) -> str:
    """Look a bare name up in pyproject.toml of the working folder."""
    if ":" in target:
        return target
    losses = _configured()
    if target in losses:
        return str(losses[target])
    if "." in target or Path(f"{target}.py").is_file():
        return target
    near = get_close_matches(target, losses, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise TargetError(
        f"no loss called {target!r} in [tool.elbocheck.losses] of pyproject.toml{hint}; "
        "or name it as file.py:name or pkg.mod:name"
    )


def _configured() -> dict[str, Any]:
    file = Path("pyproject.toml")
    if not file.is_file():
        return {}
    try:
        losses = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("elbocheck", {}).get("losses", {})
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"pyproject.toml cannot be read: {error}") from None
    if not isinstance(losses, dict):
        raise UsageError(f"[tool.elbocheck.losses] holds {losses!r}: write name = 'file.py:loss'")
    return losses


def _split(target: str) -> tuple[str, str]:
    """Split a target into the module or file and the name in it."""
    place, colon, name = target.replace("::", ":").rpartition(":")
    if colon and name and not (len(place) == 1 and sys.platform == "win32"):
        return place, name
    if target.endswith(".py") or Path(f"{target}.py").is_file():
        return target if target.endswith(".py") else f"{target}.py", ""
    place, dot, name = target.rpartition(".")
    if not dot or not place or not name:
        raise TargetError(f"cannot read the target {target!r}: write file.py:name or pkg.mod:name")
    return place, name


def _import(place: str) -> ModuleType:
    if place.endswith(".py") or "/" in place:
        return _import_file(Path(place))
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` does: modules of the working folder
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as missing:
        parts = place.split(".")
        if missing.name and any(missing.name == ".".join(parts[: n + 1]) for n in range(len(parts))):
            raise _no_module(place, missing.name) from None
        raise _theirs(place, missing) from missing
    except Exception as error:  # noqa: BLE001 - whatever their module raises is shown as theirs
        raise _theirs(place, error) from error


def _import_file(file: Path) -> ModuleType:
    if not file.is_file():
        folder = file.parent if file.parent.is_dir() else Path()
        near = get_close_matches(file.name, [p.name for p in folder.glob("*.py")], n=1, cutoff=0.5)
        hint = f": did you mean {str(file.with_name(near[0]))!r}?" if near else ": write the path from the working folder"
        raise TargetError(f"no file {str(file)!r}{hint}")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise TargetError(f"{str(file)!r} is no Python file: write file.py:name")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.resolve().parent))  # as `python file.py` does: their neighbours import
    sys.modules[file.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 - whatever their file raises is shown as theirs
        del sys.modules[file.stem]
        raise _theirs(str(file), error) from error
    return module


def _no_module(place: str, missing: str) -> TargetError:
    if missing in _INSTALLABLE:
        return TargetError(f"{missing} is not installed, and {place!r} needs it: pip install 'elbocheck[{_INSTALLABLE[missing]}]'")
    return TargetError(f"no module {missing!r} for {place!r}: install it, or run elbocheck where it can be imported")


def _theirs(place: str, error: Exception) -> UserImportError:
    """Return their error with their traceback, ours cut off."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(("<frozen", __file__, importlib.__file__ or "?")):
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames)).rstrip()
    extra = ""
    if isinstance(error, ModuleNotFoundError) and error.name in _INSTALLABLE:
        extra = f"\n{error.name} is not installed: pip install 'elbocheck[{_INSTALLABLE[error.name]}]'"
    return UserImportError(f"{place!r} does not import; its own error is\n{text}{extra}")


def _reach(module: ModuleType, name: str, target: str) -> Any:
    found: Any = module
    if not name:
        names = [n for n, v in vars(module).items() if callable(v) and getattr(v, "__module__", "") == module.__name__]
        raise TargetError(f"{target!r} names no loss: write {module.__name__}:NAME with one of {', '.join(names) or 'its functions'}")
    for part in name.split("."):
        if not hasattr(found, part):
            known = [n for n in dir(found) if not n.startswith("_")]
            near = get_close_matches(part, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known[:8]) or 'nothing'}"
            owner = getattr(found, "__name__", type(found).__name__)
            raise TargetError(f"{owner!r} has no {part!r}: {hint}")
        found = getattr(found, part)
    return found


def _instantiate(cls: type, init: Mapping[str, Any], target: str) -> Any:
    try:
        return cls(**init)
    except TypeError as error:
        raise UsageError(f"cannot make {target!r} without arguments ({error}): give them with --init NAME=VALUE") from error
    except Exception as error:  # noqa: BLE001 - whatever their constructor raises is theirs
        raise _theirs(target, error) from error
