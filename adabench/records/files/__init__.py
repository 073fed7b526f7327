"""Records on disk, what lies beside them, and the tables and corpora that they are read with."""
