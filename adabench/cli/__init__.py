"""What the tools call: arguments parsed, the house asked, the answer printed."""

import sys
from pathlib import Path

# ``python tools/train.py`` puts that folder first on the path, where its ``profile.py`` would stand in
# for the standard library's, which torch imports.
_TOOLS = {Path(__file__).parents[2] / "tools"}
# A copy of the tools may run what is installed from elsewhere.
if _script := getattr(sys.modules["__main__"], "__file__", None):
    _TOOLS |= {
        place for place in [Path(_script).resolve().parent] if (place / "profile.py").exists()
    }
sys.path[:] = [place for place in sys.path if not place or Path(place).resolve() not in _TOOLS]
