"""What a run is: read, checked, merged and hashed. Imports no torch, so that mistakes are told at once."""
