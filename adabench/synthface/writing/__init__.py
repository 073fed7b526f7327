"""Writing corpora: clips and their files, several processes, the layouts that users have."""
