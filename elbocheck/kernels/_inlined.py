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

    def finalize(self) -> None:
        """Take in the parts that are called, and optimise the whole."""
        for library in dict.fromkeys(self._linking_libraries):
            if library is not rtsys.library:  # Numba's runtime comes with the loop
                self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self.optimise()
        self._finalized = True

    def optimise(self) -> None:
        """Do so before it is taken in elsewhere: at many places, perhaps."""
        self._optimize_final_module()


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
        passes = DefaultPassBuilder.define_nopython_pipeline(state)
        passes.add_pass_after(Publication, NativeLowering)
        needless = {"NopythonRewrites"}  # expressions of arrays
        if not any(isinstance(constant, CodeType) for constant in state.func_id.code.co_consts):
            needless.add("InlineClosureLikes")
        passes.passes = [step for step in passes.passes if step[0].__name__ not in needless]
        passes.finalize()
        return [passes]


class InlinedOnce(Inlined):
    """The same for a loop, which one function takes in."""

    part = OnePlace
