"""Small documents of every kind, their truth beside them, and the program that makes both (`sample_docs.make`)."""
