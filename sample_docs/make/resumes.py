"""One résumé on one page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sample_docs.make.paper import GREY, Paper, Type, Value
from sample_docs.make.printing import ENGLAND, Printer
from sample_docs.make.sample import Sample, printed

BODY = Type("serif", 10)
ACCENT = (0.5, 0.22, 0.1)
DATA: dict[str, Any] = {
    "name": "Robin Placeholder",
    "headline": "Logistics Planner",
    "email": "robin.placeholder@example.com",
    "phone": "+44 1632 960 115",
    "address": "5 Imaginary Close, Testborough TB4 4ZZ",
    "summary": "Planner with nine years in road and rail freight. Turned paper schedules into a booking system that "
    "two depots use, and cut empty running by a fifth.",
    "experience": [
        {
            "employer": "Example Freight Ltd",
            "title": "Senior Transport Planner",
            "start": "March 2019",
            "end": "present",
            "description": "Plans 140 loads a week for 38 vehicles. Introduced driver-friendly time windows and "
            "trained six planners. Keeps the subcontractor rates.",
        },
        {
            "employer": "Trial Rail Services",
            "title": "Capacity Planner",
            "start": "Sept 2016",
            "end": "Feb 2019",
            "description": "Balanced wagons between three terminals; wrote the weekly capacity report.",
        },
        {
            "employer": "Dummy Parcels plc",
            "title": "Dispatch Assistant",
            "start": "2014",
            "end": "2016",
            "description": "Night shift dispatch of 12,000 parcels, claims and returns.",
        },
    ],
    "education": [
        {
            "institution": "Fictional University of Sampleton",
            "degree": "MSc Supply Chain Management",
            "start": "2012",
            "end": "2014",
        },
        {"institution": "Mockingham College", "degree": "BA Geography", "start": "2009", "end": "2012"},
    ],
    "skills": ["Route optimisation", "SQL", "Python", "Customs procedures", "Rail slot booking"],
    "languages": ["English (native)", "Dutch (fluent)", "German (basic)"],
}


def _planner() -> Sample:
    paper, say = Paper(), Printer(DATA, ENGLAND)
    paper.write(297, 70, say.text("/name"), type=BODY.bold().sized(24), align="center")
    paper.write(297, 90, say.text("/headline"), type=Type("serif-italic", 13, ACCENT), align="center")
    contact = (say.text("/address"), "  |  ", say.text("/phone"), "  |  ", say.text("/email"))
    paper.write(297, 110, *contact, type=BODY.sized(9), align="center")
    y = _heading(paper, 140, "Profile")
    y = paper.paragraph(60, y, say.text("/summary"), 475, BODY)
    y = _heading(paper, y + 10, "Employment")
    for index in range(len(DATA["experience"])):
        at = f"/experience/{index}"
        paper.write(60, y, say.text(f"{at}/title"), type=BODY.bold())
        _span(paper, say, y, at)
        paper.write(60, y + 13, say.text(f"{at}/employer"), type=Type("serif-italic", 10))
        y = paper.paragraph(60, y + 27, say.text(f"{at}/description"), 475, BODY) + 6
    y = _heading(paper, y + 6, "Education")
    for index in range(len(DATA["education"])):
        at = f"/education/{index}"
        paper.write(60, y, say.text(f"{at}/degree"), ", ", say.text(f"{at}/institution"), type=BODY)
        _span(paper, say, y, at)
        y += 16
    y = _heading(paper, y + 8, "Skills")
    x = 60.0
    for index, skill in enumerate(DATA["skills"]):
        x = paper.write(x, y, "" if index == 0 else "  •  ", Value(skill, f"/skills/{index}"), type=BODY)
    y = _heading(paper, y + 26, "Languages")
    for index, language in enumerate(DATA["languages"]):
        paper.write(60 + 150 * index, y, Value(language, f"/languages/{index}"), type=BODY)
    return printed("resume", DATA, paper)


def _heading(paper: Paper, y: float, text: str) -> float:
    paper.write(60, y, text.upper(), type=BODY.bold().inked(ACCENT))
    paper.rule(60, y + 4, 535, y + 4, weight=0.5, ink=GREY)
    return y + 20


def _span(paper: Paper, say: Printer, y: float, at: str) -> None:
    """From when to when, at the right edge."""
    paper.write(535, y, say.text(f"{at}/start"), " – ", say.text(f"{at}/end"), type=BODY, align="right")


SAMPLES: Mapping[str, Callable[[], Sample]] = {"resumes/planner-en.pdf": _planner}
