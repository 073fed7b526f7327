"""What the tools call: arguments parsed, the house asked, the answer printed."""

import sys
from pathlib import Path

# ``python tools/train.py`` puts that folder first on the path, where its ``profile.py`` would stand in
# for the standard library's, which torch imports.
_TOOLS = Path(__file__).parents[2] / "tools"
sys.path[:] = [place for place in sys.path if not place or Path(place).resolve() != _TOOLS]
