"""The program that makes the sample documents: `python -m sample_docs.make`."""
