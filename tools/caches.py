"""List the stages and caches that no record names, and remove them."""

from adabench.cli.caches import main

if __name__ == "__main__":
    main()
