"""One document's way from bytes to record."""

import os

# ONNX Runtime, which PyMuPDF loads as well, tells its makers of its use unless it is told not to before it is imported.
# What is read here is nobody else's business.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
