"""`python -m adhere` is the command `adhere`."""

import sys

from adhere.cli import main

sys.exit(main())
