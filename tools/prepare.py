"""Turn a raw corpus into a prepared one, and look at either."""

from adabench.cli.prepare import main

if __name__ == "__main__":
    main()
