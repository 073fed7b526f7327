"""Plugins as texts, the ways in which a user may have them, and a clean process afterwards."""

import base64
import hashlib
import subprocess
import sys
import textwrap

from adabench import registry
from adabench.plugins import load
from adabench.plugins.held import HOLDER
from adabench.registry import HOOKS, MODELS, SEMANTICS, STAGES, TRANSFORMS

#: A selector whose only number is ``{factor}``.
SELECTOR = """
from adabench.models import KeepAll
from adabench.registry import MODELS

@MODELS.register_module()
class {name}(KeepAll):
    factor = {factor}
"""

#: The same, with its number in a second file.
IN_TWO = """
from adabench.models import KeepAll
from adabench.registry import MODELS

@MODELS.register_module()
class {name}(KeepAll):
    @property
    def factor(self):
        from {helper} import FACTOR
        return FACTOR
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def git(folder, *arguments):
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    run = subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


def distribute(folder, name, module, files=()):
    """Write a distribution's metadata, as pip does; without a file list it is an editable install."""
    info = folder / f"{name}-1.0.dist-info"
    write(info / "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    write(info / "entry_points.txt", f"[adabench.plugins]\n{name} = {module}\n")
    if files:
        listed = [str(path.relative_to(folder)) for path in files]
        write(info / "RECORD", "".join(f"{path},,\n" for path in listed))


def install(site, version, number, told=None):
    """Install a library as pip does; ``told`` is its direct_url.json."""
    info = site / "zz_lib.dist-info"
    code = write(site / "zz_lib" / "__init__.py", f"F = {number}\n")
    sha256 = base64.urlsafe_b64encode(hashlib.sha256(code.read_bytes()).digest()).decode()
    write(info / "METADATA", f"Metadata-Version: 2.1\nName: zz-lib\nVersion: {version}\n")
    write(info / "RECORD", f"zz_lib/__init__.py,sha256={sha256.rstrip('=')},6\n")
    if told is not None:
        write(info / "direct_url.json", told)


def forget(modules=None):
    """Have the next search begin as a new process does, but for modules that were there before."""
    HOLDER.clear()
    load._failures.clear()
    load._registered.clear()
    registry.forget_failed_plugins()
    for name in set(sys.modules) - set(modules or sys.modules):
        if name.startswith(("adabench_user_plugins", "adabench_plugins_copy", "zz_")):
            del sys.modules[name]
    for each in (MODELS, TRANSFORMS, STAGES, SEMANTICS, HOOKS):
        for key, value in list(each.module_dict.items()):
            if getattr(value, "__module__", "").startswith(
                ("adabench_user_plugins", "adabench_plugins_copy", "zz_")
            ):
                del each.module_dict[key]
