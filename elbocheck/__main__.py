"""`python -m elbocheck` is the command line."""

import sys

from elbocheck.cli import main

if __name__ == "__main__":
    sys.exit(main())
