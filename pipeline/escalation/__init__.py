"""What is doubtful is asked for again: which values, where to look, and what comes of it. See `pipeline.escalate`."""
