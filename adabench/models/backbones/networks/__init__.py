"""Networks over segments of the literature's own, which no library has."""
