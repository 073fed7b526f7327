"""Training a network: its loop, hooks, optimiser, loaders and curve, for runs and pretraining alike."""
