"""Measure what things cost."""

from adabench.cli.profile import main

if __name__ == "__main__":
    main()
