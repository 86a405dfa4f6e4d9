"""Gemma 4 in this process. Needs the extra `gemma`; nothing here is imported before the engine is asked for."""
