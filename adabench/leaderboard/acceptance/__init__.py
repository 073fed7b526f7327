"""What lets a record into the accepted ones, and what says whether those that are in still hold."""
