"""`python -m mmjit` is the command `mmjit`."""

import sys

from mmjit.cli import main

if __name__ == "__main__":
    sys.exit(main())
