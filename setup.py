"""Build file: setup.cfg holds the metadata, this finds the packages.

``plugins/`` is installed as ``adabench_plugins``; setup.cfg can't express that mapping together with
automatic discovery, so a plugin folder is picked up here without being listed anywhere.
"""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["adabench", "adabench.*"]),
        "adabench_plugins",
        *(f"adabench_plugins.{name}" for name in find_packages("plugins")),
    ]
)
