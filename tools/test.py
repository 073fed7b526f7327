"""Score a config's test clips with a checkpoint."""

from adabench.cli.test import main

if __name__ == "__main__":
    main()
