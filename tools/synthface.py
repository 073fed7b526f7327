"""Generate the synthface corpus or its expression clips, and look at them."""

from adabench.cli.synthface import main

if __name__ == "__main__":
    main()
