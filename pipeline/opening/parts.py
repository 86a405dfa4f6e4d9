"""The parts of an office file of 2007 and later (Open Packaging Conventions), and what is in them besides text."""

from __future__ import annotations

import io
import posixpath
import warnings
from typing import Any

from pipeline.opening.archive import Archive
from pipeline.opening.blocks import LEAST_PIXELS, Picture
from pipeline.opening.xmltree import parsed
from schemas.errors import DamagedDocument

MACROS = "it holds macros, which are never run."
_SCRIPTS = ("vbaProject.bin", "Basic/script-lb.xml", "Basic/script-lc.xml")


class Package:
    """An open office file. Raises as Archive does."""

    def __init__(self, content: bytes, uri: str) -> None:
        self.uri = uri
        self.content = content
        self.archive = Archive(content, uri)

    def tree(self, name: str) -> Any:
        """A part's root, None where there is no such part. Raises DamagedDocument."""
        content = self.archive.find(name)
        return None if content is None else parsed(content, self.uri, f"its part {name!r}")

    def needed(self, name: str) -> Any:
        """The same of a part that it must have."""
        root = self.tree(name)
        if root is None:
            raise DamagedDocument(f"its part {name!r} is missing.", document=self.uri, remedy="Save it anew.")
        return root

    def relations(self, part: str) -> dict[str, str]:
        """By id, the parts that a part names; what lies outside of the file is left out."""
        folder, name = posixpath.split(part)
        root = self.tree(f"{folder}/_rels/{name}.rels")
        if root is None:
            return {}
        return {
            one.get("Id", ""): posixpath.normpath(posixpath.join("/", folder, one.get("Target", ""))).lstrip("/")
            for one in root
            if one.get("TargetMode") != "External"
        }

    def related(self, part: str, kind: str) -> list[str]:
        """The parts of one kind, such as `header`, that a part names."""
        folder, name = posixpath.split(part)
        root = self.tree(f"{folder}/_rels/{name}.rels")
        if root is None:
            return []
        targets = self.relations(part)
        return [
            targets[one.get("Id")]
            for one in root
            if one.get("Type", "").endswith(f"/{kind}") and one.get("Id") in targets
        ]

    def picture(self, name: str) -> Picture | None:
        """A picture that is large enough to hold text."""
        content = self.archive.find(name)
        return Picture(content) if content is not None and is_page(content) else None

    @property
    def notes(self) -> tuple[str, ...]:
        has_macros = any(name.endswith(_SCRIPTS) for name in self.archive.names)
        return (MACROS,) if has_macros else ()


def is_page(content: bytes) -> bool:
    """Whether it is a picture that Pillow opens, and no icon."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(content))
            return picture.width * picture.height >= LEAST_PIXELS
    except Exception:  # WMF, EMF, SVG, and broken ones: drawings that Pillow does not know
        return False
