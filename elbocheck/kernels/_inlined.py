"""Numba's compiler for functions that are only ever inlined: as far as LLVM's optimised instructions, no further.

Machine code of the parts of a kernel, which nobody calls, takes a fifth of the time in which it is compiled. What is inlined is
the same, and so are the results, to the last bit.
"""

from __future__ import annotations

from types import CodeType
from typing import Any

from numba import _dynfunc
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import LoweringPass, register_pass
from numba.core.runtime.nrt import rtsys
from numba.core.typed_passes import NativeLowering

__all__ = ["Inlined", "InlinedOnce"]


class Part(JITCodeLibrary):
    """Instructions to be linked into a loop, which alone becomes machine code."""

    def _optimize_functions(self, module: Any) -> None:
        """Leave this to what optimises the whole."""
        module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Take in the parts that are called, and optimise the whole."""
        for library in dict.fromkeys(self._linking_libraries):
            if library is not rtsys.library:  # Numba's runtime comes with the loop
                self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self.optimise()
        self._finalized = True

    def optimise(self) -> None:
        """Do what is quick, for it is taken in at many places, perhaps: where a loop holds it all, the rest is done."""
        quick = {"loop_vectorize": False, "slp_vectorize": False, "opt": 1, "cost": "cheap"}
        made = self._codegen._module_pass_manager(**quick)
        passes, *builder = made if isinstance(made, tuple) else (made,)  # Numba 0.61 makes no builder
        passes.run(self._final_module, *builder)


class OnePlace(Part):
    """What is taken in at one place, and optimised there."""

    def optimise(self) -> None:
        """Leave it."""


@register_pass(mutates_CFG=False, analysis_only=False)
class Publication(LoweringPass):
    """Let callers find a function that has no address, by an object that stands for it."""

    _name = "publication"

    def __init__(self) -> None:
        LoweringPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Do for a part what Numba does for machine code."""
        found = state.cr
        module, name = found.fndesc.lookup_module(), found.fndesc.qualname
        stand_in = _dynfunc.make_function(module, name, name, 0, found.env, (state.library,))
        state.targetctx.insert_user_function(stand_in, found.fndesc, [state.library])
        state["cr"] = found._replace(cfunc=stand_in)
        return True


class Inlined(CompilerBase):
    """The usual passes, but for two that take long and find nothing in functions of numbers."""

    part = Part

    def define_pipelines(self) -> list[Any]:
        """The one pipeline."""
        state = self.state
        state.library = self.part(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        closures = any(isinstance(constant, CodeType) for constant in state.func_id.code.co_consts)
        if closures not in _passes:
            _passes[closures] = _needed(DefaultPassBuilder.define_nopython_pipeline(state), closures)
        return [_passes[closures]]


class InlinedOnce(Inlined):
    """The same for a loop, which is taken in at one place."""

    part = OnePlace


_passes: dict[bool, Any] = {}
"""What a function goes through, with functions inside it and without: as long in the making as a small one takes."""


def _needed(passes: Any, closures: bool) -> Any:
    """The passes that find something."""
    passes.add_pass_after(Publication, NativeLowering)
    needless = {"NopythonRewrites", *([] if closures else ["InlineClosureLikes"])}  # of arrays, of functions
    passes.passes = [step for step in passes.passes if step[0].__name__ not in needless]
    passes.finalize()
    return passes
