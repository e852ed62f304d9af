"""Numba's compiler for functions that are only ever inlined: as far as LLVM's optimised instructions, no further.

Machine code of the parts of a kernel, which nobody calls, takes a fifth of the time in which it is compiled; what Numba does
for arrays, objects and generators, a quarter. What is inlined is the same without, and so are the results, to the last bit.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from numba import _dynfunc, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import LoweringPass, PassManager, _pass_registry, register_pass
from numba.core.errors import CompilerError, NumbaError
from numba.core.postproc import VariableLifetime
from numba.core.registry import CPUDispatcher
from numba.core.runtime.nrt import rtsys
from numba.core.sigutils import normalize_signature
from numba.core.transforms import canonicalize_cfg
from numba.core.typed_passes import NativeLowering, NoPythonBackend, NopythonTypeInference
from numba.core.untyped_passes import DeadBranchPrune, FixupArgs, GenericRewrites, TranslateByteCode

__all__ = ["Inlined"]


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


class Typing:
    """Numba's typing for functions whose variables have one type each. What of numbers an operation makes is asked once:
    Numba goes through NumPy's functions for every sum."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._known: dict[Any, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def resolve_function_type(self, function: Any, arguments: Any, named: Any) -> Any:
        """The signature that is called."""
        ask = self._context.resolve_function_type
        if named or not isinstance(function, types.Function) or not all(isinstance(a, types.Number) for a in arguments):
            return ask(function, arguments, named)
        key = function, tuple(arguments)
        if key not in self._known:
            self._known[key] = ask(function, arguments, named)
        return self._known[key]

    def unify_pairs(self, first: Any, second: Any) -> Any:
        """The type of what is assigned both."""
        found = types.unliteral(first)
        if found != types.unliteral(second):
            raise CompilerError(f"a variable of types {first} and {second}")
        return first if first == second else found


@cache
def _typing(context: Any) -> Typing:
    return Typing(context)


@register_pass(mutates_CFG=True, analysis_only=False)
class Inference(NopythonTypeInference):
    """Numba's, with this typing."""

    _name = "inference_of_numbers"

    def run_pass(self, state: Any) -> bool:
        """Find the types of all variables."""
        context, state.typingctx = state.typingctx, _typing(state.typingctx)
        try:
            return bool(NopythonTypeInference.run_pass(self, state))
        finally:
            state.typingctx = context


@register_pass(mutates_CFG=False, analysis_only=False)
class Uncounted(LoweringPass):
    """Let pass what has no variables whose users are counted, so that none is to be deleted."""

    _name = "uncounted"

    def __init__(self) -> None:
        LoweringPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Raise for anything else; find what lowering asks for."""
        held = state.targetctx.data_model_manager
        counted = [kind for kind in set(state.typemap.values()) if held[kind].contains_nrt_meminfo()]
        if counted:
            raise CompilerError(f"variables of types {counted}")
        state.func_ir.variable_lifetime = VariableLifetime(state.func_ir.blocks)
        state.func_ir.generator_info = None
        return False


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


class Steps(PassManager):
    """Passes one after the other: Numba also takes their times, and after most of them finds out which variables live.

    Attributes:
        otherwise: the passes that a function goes through where these fail.
    """

    otherwise: Any

    def run(self, state: Any) -> None:
        """Run them."""
        try:
            for kind, _ in self.passes:
                step = _pass_registry.get(kind).pass_inst
                step.analysis = self._analysis
                if step.run_pass(state):
                    state.func_ir.blocks = canonicalize_cfg(state.func_ir.blocks)
        except NumbaError:
            self.otherwise.run(state)


class Numbers(CompilerBase):
    """The passes that find something in functions of numbers; and for what is more than that, all that Numba has."""

    part = Part

    def define_pipelines(self) -> list[Any]:
        """The one pipeline."""
        state = self.state
        state.library = self.part(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        if not _steps:
            _steps.append(_made(state))
        return _steps


class NumbersOnce(Numbers):
    """The same for what is taken in at one place."""

    part = OnePlace


class Inlined(CPUDispatcher):
    """A function that others take in, compiled when it is first seen what it is called with. Numba's own also asks a cache, and
    takes its time: each lock then reports to all functions that are under way."""

    def __init__(self, function: Any, options: dict[str, Any], *, once: bool) -> None:
        super().__init__(function, {}, options, pipeline_class=NumbersOnce if once else Numbers)

    def compile(self, sig: Any) -> Any:
        """What stands for the function of arguments of these types."""
        kinds, result = normalize_signature(sig)
        if tuple(kinds) not in self.overloads:
            self.add_overload(self._compiler.compile(kinds, result))
        return self.overloads[tuple(kinds)].entry_point


_steps: list[Any] = []
"""What functions go through: it takes as long in the making as a small one in compiling."""


def _made(state: Any) -> Any:
    few, every = Steps("numbers"), DefaultPassBuilder.define_nopython_pipeline(state)
    for step in (
        TranslateByteCode,
        FixupArgs,
        DeadBranchPrune,
        GenericRewrites,
        Inference,
        Uncounted,
        NativeLowering,
        Publication,
        NoPythonBackend,
    ):
        few.add_pass(step, step.__name__)
    every.add_pass_after(Publication, NativeLowering)
    for passes in (few, every):
        passes.finalize()
    few.otherwise = every
    return few
