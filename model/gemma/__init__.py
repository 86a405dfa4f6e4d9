"""The Gemma 4 engine. Its modules import torch; this one imports nothing."""
