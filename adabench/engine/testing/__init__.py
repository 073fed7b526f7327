"""A trained method tested: its predictions, its cost, the decoy, whether relevance finds key frames."""
