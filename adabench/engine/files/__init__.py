"""Files of a run: checkpoints, fitted estimators, wall times, and the folder that they lie in."""
