"""ELB0: the call itself. Can the loss be called, twice, and does it give a usable number?"""

from elbocheck.rules.rule import Rule, Severity

RAISES = Rule(
    code="ELB001",
    name="raises",
    severities=(Severity.I,),
    summary="The loss raises an exception on ordinary input inside its declared domain.",
    why="The same input stops training, often hours in, at the first batch that brings this value or size. "
    "Nothing else can be said about the loss where it does not return.",
    signature="Every argument gets everyday values (logits within 20, log-variances within 10, "
    "probabilities between 1e-6 and 1 - 1e-6) in shapes that fit together. The exception of your own code "
    "is shown unchanged, with the input that caused it. A loss that only needs one particular image size is "
    "not meant: small shapes are tried first, then the usual ones.",
    fix="Run the printed line: it repeats the exception. If a shape is hard-coded, name it:\n"
    "    --shape x=3x64x64\n"
    "If an argument was taken for something else, name its role:\n"
    "    --role r=logits\n"
    "Otherwise repair the branch that raises.",
    reference="derivation: a density is defined on its whole support, so its negative logarithm has a value "
    "at every point of it.",
)

NONDETERMINISTIC = Rule(
    code="ELB002",
    name="nondeterministic",
    severities=(Severity.R,),
    summary="The same input with the same seed gives a different value.",
    why="A run cannot be repeated, a difference between two losses cannot be told from noise, and a "
    "derivative taken by differences means nothing. Training itself may still be sound.",
    signature="The loss is called several times with equal arguments and the seed reset before each call; "
    "the values differ by more than the rounding of a reordered sum. A loss that samples z is not meant as "
    "long as its seed decides the sample.",
    fix="Look for dropout or batch normalisation left in training mode, a generator made inside the loss "
    "without a seed, a step counter kept between calls. Hand the noise or the generator in:\n"
    "    def loss(x, r, loc, log_var, eps): ...\n"
    "    z = loc + exp(0.5 * log_var) * eps",
    reference="derivation: with its noise held fixed an estimator is a function, and a function has one value.",
)

MUTATES_INPUT = Rule(
    code="ELB003",
    name="mutates-input",
    severities=(Severity.I,),
    summary="The loss changes one of its arguments in place.",
    why="Whatever reads the argument next sees other numbers: the second term of the loss, a metric, the "
    "data set itself when it is held in memory, so that each epoch trains on data changed once more. In "
    "PyTorch the backward pass may raise, or differentiate the changed values.",
    signature="Each argument is copied before the call and compared bit by bit after it.",
    fix="Write to a new name. Look for x -= ..., x[mask] = ..., out=x and names that end in an underscore, "
    "such as clamp_.\n"
    "    x = x - x.mean()        # not: x -= x.mean()",
    reference='PyTorch documentation, "Autograd mechanics", section "In-place operations with autograd".',
)

WRONG_SHAPE = Rule(
    code="ELB004",
    name="wrong-shape",
    severities=(Severity.O, Severity.I),
    summary="The result is neither a scalar nor one value per datum.",
    why="Some frameworks sum such a result silently before differentiating it, others refuse it. A result "
    "of shape (B, B) means that every datum met every other one: that is another objective, not a larger "
    "one. A result of shape (B, 1) does the same one line later, when a vector of shape (B,) is added.",
    signature="The shape of the result for two batch sizes and two data sizes says which axes remain. "
    "Adding up what is left restores the loss only if no entry depends on two different data.",
    fix="Sum over all axes of one datum, and average over the batch if a scalar is wanted:\n"
    "    per_datum = terms.reshape(B, -1).sum(-1)      # shape (B,)\n"
    "    loss = per_datum.mean()",
    reference='NumPy documentation, "Broadcasting"; derivation: log p(x) is one number per datum.',
)

DTYPE_CHANGED = Rule(
    code="ELB005",
    name="dtype-changed",
    severities=(Severity.H, Severity.N),
    summary="The result comes back in another floating-point type than the arguments.",
    why="float32 in and float64 out costs memory and speed and hides the rounding of the float32 parts. "
    "float64 in and float32 out keeps only 24 bits: a derivative taken by differences then has about three "
    "good digits. A sum over an image kept in float16 overflows at 65504.",
    signature="The loss is called in float32 and in float64; the type of the result, and of the gradient, "
    "is compared with that of the arguments.",
    fix="The usual cause is a constant with a type of its own: a NumPy float64 scalar or array, "
    "torch.from_numpy, a dtype= in zeros or ones, a cast such as .float(). Use a Python number, or make the "
    "constant like its partner:\n"
    "    half_log_two_pi = 0.5 * math.log(2 * math.pi)    # a Python float",
    reference="NumPy Enhancement Proposal 50 (promotion rules for Python scalars); Goldberg 1991, What "
    "Every Computer Scientist Should Know About Floating-Point Arithmetic, ACM Computing Surveys 23(1).",
)

NOT_FINITE = Rule(
    code="ELB006",
    name="not-finite",
    severities=(Severity.N,),
    summary="The loss is NaN or infinite on ordinary input.",
    why="One such value in a batch makes the whole gradient NaN, the optimiser's running averages keep it, "
    "and every weight is NaN one step later. Clipping the gradient does not help: its norm is NaN too.",
    signature="NaN or infinity while every argument lies in its everyday zone. Where the place tells the "
    "cause, the finding carries that code instead: ELB501 exp, ELB502 to ELB504 logarithms near zero, "
    "ELB509 softplus.",
    fix="The printed input is the smallest one found. Follow it term by term; the first infinity is the "
    "cause, and 0 * inf or inf - inf after it makes the NaN. Rewrite that term from the unconstrained "
    "parameter (logits, log_var) instead of clamping it.",
    reference="Goldberg 1991, What Every Computer Scientist Should Know About Floating-Point Arithmetic, "
    "ACM Computing Surveys 23(1).",
)

COMPILED_DIFFERS = Rule(
    code="ELB007",
    name="compiled-differs",
    severities=(Severity.I,),
    summary="Compiled, or called with the same data in another batch or another memory, the loss gives another value.",
    why="What was tested is not what trains. The last batch of an epoch is shorter than the others and may hold one datum; "
    "a permuted image, an expanded mean or a slice of an array is no fresh array; a compiled function keeps the numbers "
    "that it saw when it was traced. Each changes the objective in a few steps only, and nobody sees it.",
    signature="Each datum is measured in a batch that it fills; then it stands alone, in a batch of two, and in one of 257, "
    "which no power of two divides and no byte counts. Every argument is given as a transposed, a strided and a broadcast "
    "view of its numbers, and the loss without what compiles it. On request (--variants) it goes through torch.compile, "
    "jax.jit, tf.function, XLA and vmap too, and what raises there is noted. The values agree up to the rounding of a "
    "reordered sum; a loss whose data are coupled is not meant.",
    fix="Look for squeeze() without an axis, a branch on the number of data, an index of eight bits, numbers read past the "
    "strides of a view (data_ptr, ravel() that is then written into), and Python state that is read while a function is "
    "traced. Pass what changes as an argument:\n"
    "    recon.squeeze(1)             # not: recon.squeeze()\n"
    "    x.reshape(len(x), -1)        # not: x.view(len(x), -1)\n"
    "    def loss(x, r, mu, log_var, beta): ...",
    reference="derivation: a sum over data is one function of them, however it is computed; PyTorch documentation, "
    '"Tensor Views"; TensorFlow guide, "Better performance with tf.function", section "Python side effects".',
)

EXPECTATION_CONTRADICTED = Rule(
    code="ELB008",
    name="expectation-contradicted",
    severities=(Severity.I,),
    summary="What was declared with --expect is not what the loss does.",
    why="The declaration is how a project writes down which model it means to train. When a reduction, a weight or "
    "a family changes by accident, this is the line that notices.",
    signature="The declared family, beta, sigma, reduction, bound or free-bits level is compared with the measured one; "
    "numbers must agree to one part in a million.",
    fix="Change the loss, or the declaration:\n"
    "    elbocheck verify my_vae.py:loss --expect beta=4 --expect reduction=mean",
    reference="derivation: two statements about one number, one of them measured.",
)

NOT_PERMUTATION_EQUIVARIANT = Rule(
    code="ELB308",
    name="not-permutation-equivariant",
    severities=(Severity.I,),
    summary="The loss depends on the order of the data in the batch.",
    why="A sum of log p(x) over data does not ask which came first. Here a datum counts more or less, or is paired with "
    "another one, by its place: shuffling changes the value and the gradient, the last or first data may not count at "
    "all, and the value bounds no likelihood. A per-datum result that is not carried along is assigned to wrong data.",
    signature="The batch is put in another order, in every argument alike: a scalar must stay, values per datum must move "
    "along, up to the rounding of a reordered sum. Terms that couple a batch without regard to order (MMD, total "
    "correlation) pass.",
    fix="Look for a weight with the shape of the batch, a cumulative sum, indexing such as [:n], an axis that was taken "
    "for another, and pairs made by roll or flip:\n"
    "    loss = per_datum.mean()      # each datum alike",
    reference="derivation: log p(x_1) + ... + log p(x_n) is symmetric in the data.",
)
