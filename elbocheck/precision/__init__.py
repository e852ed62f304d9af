"""mpmath's home: numbers that two computations agree on, or an error.

A fixed precision is no oracle (log sigmoid(200) is 0 at 60 digits), nor are two that agree (e**s - 1 - s at
s = 1e-160 is -s at 50 digits and at 100), and quadrature overclaims without break points. So every value
comes from two precisions, one of them beyond the reach of float64 arguments, every integral also from two
rules, and it carries an error bound. Contexts are private: mpmath's global precision is neither read nor
changed.
"""

from elbocheck.precision.numbers import Certified, Context, agree, certified, context, derivative
from elbocheck.precision.quadrature import integrate
from elbocheck.precision.sums import summate

__all__ = ["Certified", "Context", "agree", "certified", "context", "derivative", "integrate", "summate"]
