"""ELB8: does the likelihood fit the data that it is given?"""

from elbocheck.rules.rule import Rule, Severity

TARGET_OUTSIDE_DOMAIN = Rule(
    code="ELB803",
    name="target-outside-domain",
    severities=(Severity.I,),
    summary="The targets lie outside the domain of the likelihood: pixels 0..255 in a BCE, negative counts, "
    "classes out of range.",
    why="Cross-entropy with a target x > 1 has no minimum: -x log r - (1 - x) log(1 - r) falls without "
    "limit as r goes to 1, because (x - 1) log(1 - r) does. Training saturates the decoder, the loss turns "
    "negative and keeps falling, then reaches a clamp or NaN. For a count y < 0 the Poisson term rate - y "
    "log(rate) falls likewise as the rate goes to 0.",
    signature="The declared data (--data FILE, --data-range, --data-kind) leave the support of the "
    "identified family. Without declared data nothing is claimed.",
    fix="Bring the data into the domain, once, where it is loaded:\n"
    "    x = x / 255.0                      # [0, 1], still not binary: ELB401\n"
    "    x = (x > 127).astype(x.dtype)      # {0, 1}; torch: .to(x.dtype)\n"
    "For 0..255 as they are, use a 256-way categorical or a discretised logistic likelihood.",
    reference="derivation above; Salimans et al. 2017, PixelCNN++, arXiv:1701.05517, for likelihoods on 0..255.",
)
