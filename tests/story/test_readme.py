"""README, pictures and the pages in docs/ show what the program really does."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.story.typed import check_typed

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


@pytest.mark.timeout(330)  # alone each takes ten to twenty seconds
@pytest.mark.parametrize("script", ["readme", "guides", "pictures"])
def test_what_is_shown_is_what_a_run_prints_today(script: str) -> None:
    """The outputs in docs/reference/, every command of docs/guides/ and the pictures are those of real runs."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, "--check"], capture_output=True, text=True, check=False, timeout=300
    )

    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Links to files, pictures and headings of ours lead to what is there."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in link:
            continue
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not heading or heading in headings(target), link


def headings(page: Path) -> set[str]:
    """Return what the headings of a page are called in links."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def typed(text: str) -> Iterator[str]:
    """Return every command line of ours that a page shows, up to where the shell takes over."""
    text = text.replace("\\\n", " ")
    for line in re.findall(r"^\$ (.*)$", text, re.MULTILINE) + re.findall(r"`(codex-auth [^`\n]+)`", text):
        for found in re.findall(r"(?:^|&& |\(|\| )(codex-auth (?:'[^']*'|[^|;&)#<>'])*)", line):
            yield found.strip().rstrip("…").strip()


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.parent.name != "reference" and page.name != "doctor.md"],
    ids=lambda page: page.name,
)
def test_every_command_can_be_typed(page: Path) -> None:
    """Each command in README and guides, in its text too, has options, choices and arguments that it takes."""
    for line in typed(page.read_text()):
        words = [word.strip('"') for word in shlex.split(line.replace('"', ""))][1:]
        if not words[0].startswith("-") and words != ["whoami"]:  # what another tool calls it, shown on purpose
            check_typed(words)


def test_every_block_of_a_guide_is_run() -> None:
    """A guide shows no console that scripts/guides does not run; pages without one would not be a guide."""
    for page in (ROOT / "docs/guides").glob("*.md"):
        text = page.read_text()

        assert text.count("```console") == text.count("<!-- run -->\n```console") > 0
        assert len(text.splitlines()) <= 130  # one page


def test_the_readme_is_a_page() -> None:
    """A newcomer reads it in five minutes, finds the two commands in it, and every guide and page of reference."""
    text = (ROOT / "README.md").read_text()

    assert len(text.split()) < 1300
    assert all(f"`scripts/{name}`" in text for name in ("demo", "test"))
    assert [page for page in NAMES[1:] if page not in text] == []
