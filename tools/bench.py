"""Run suites of ablation rows, or configs, and print each paper's table beside what was measured."""

from adabench.cli.bench import main

if __name__ == "__main__":
    main()
