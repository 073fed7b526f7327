"""Build and check the leaderboard, add records to it, compare two of its rows."""

from adabench.cli.leaderboard import main

if __name__ == "__main__":
    main()
