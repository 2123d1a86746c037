"""The recipe's files import one another by their names, as scripts do."""

import sys
from pathlib import Path

RECIPE = Path(__file__).parents[2] / "recipes" / "nano"
if str(RECIPE) not in sys.path:
    sys.path.append(str(RECIPE))
