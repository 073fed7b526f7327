"""How a face looks and is drawn: who it is, its head, what moves on it, its frames."""
