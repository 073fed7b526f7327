"""What is written of tables: text, Markdown, CSV, pairs, and the one page (`html`)."""
