"""Train a method from a config, test it once, and add its record to the leaderboard."""

from adabench.cli.train import main

if __name__ == "__main__":
    main()
