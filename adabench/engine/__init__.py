"""Build and run one experiment, from its resolved config to its record."""
