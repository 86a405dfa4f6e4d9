"""XML from strangers, parsed: nothing is fetched, no entity is expanded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.errors import DamagedDocument

MOST_DEPTH = 200


def parsed(content: bytes, uri: str, what: str = "it") -> Any:
    """The root, an lxml element. what: the subject of the error. Raises DamagedDocument."""
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DamagedDocument(
            f"{what} is not well-formed XML: {error}.", document=uri, remedy="Fetch it again, or have it made anew."
        ) from error
    if root is None:
        raise DamagedDocument(f"{what} has no XML in it.", document=uri, remedy="Have it made anew.")
    return root


def local(element: Any) -> str:
    """Its name without the namespace; empty for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Any, name: str) -> str | None:
    """By its name in whatever namespace."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return None


def child(element: Any, *path: str) -> Any:
    """The first element on a path of local names; None where there is none."""
    for name in path:
        if element is None:
            return None
        element = next((inner for inner in element if local(inner) == name), None)
    return element


def children(element: Any, name: str) -> Iterator[Any]:
    return (inner for inner in element if local(inner) == name)


def value_at(element: Any, *path: str) -> str | None:
    """The `val` of the element on a path; `true` for one that has none, as Office writes switches."""
    found = child(element, *path) if element is not None else None
    if found is None:
        return None
    return attribute(found, "val") or "true"


def is_on(element: Any, *path: str) -> bool:
    return value_at(element, *path) not in (None, "0", "false", "off")
