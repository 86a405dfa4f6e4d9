"""Reading pictures of text on the CPU, with the PP-OCRv6 models that come inside the `rapidocr` wheel.

The sessions are driven here rather than through RapidOCR's own loop: the same models and sizes, but lines are batched
by width, nothing is padded to 320 pixels, and the line classifier runs on a sample only.
`benchmarks.embedded` compares.
"""

from pipeline.ocr.reader import Ocr, OcrLine, OcrSheet

__all__ = ["Ocr", "OcrLine", "OcrSheet"]
