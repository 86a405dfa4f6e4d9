"""Where values are stated on the pages: parts of the stage `pipeline.ground`."""
