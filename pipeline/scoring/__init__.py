"""The parts of `pipeline.score`: values in comparable form, trees of them, and which row stands for which."""
