"""What `doctor` says: each finding as a mark, its code and a sentence, why it matters, and what to type."""

import re
from collections.abc import Iterator, Sequence

from codex_auth.checks.finding import Finding
from codex_auth.checks.table import Mended
from codex_auth.core.text import printable
from codex_auth.edge import where
from codex_auth.edge.world import World
from codex_auth.views.document import print_document
from codex_auth.views.screen import Line, is_terminal, look, show

FAULT, NOTE = "fault", "note"
_INDENT = "    "
_LIMIT = 800
_MENDED = "mended"
_WORD = re.compile(r"[^\s`]*`[^`]*`\S*|\S+")
"""A word, or a command between backticks, which is not broken: it is there to be copied."""


def status_of(results: Sequence[Mended]) -> int:
    """Return the exit status: 1 while something is wrong."""
    return int(any(not each.done and not each.finding.is_note for each in results))


def print_diagnosis(
    results: Sequence[Mended], world: World, *, is_fixing: bool, as_json: bool, bundle: str = ""
) -> int:
    """Say what was found and what was done, and return the exit status."""
    status = status_of(results)
    if as_json:
        more = {"bundle": bundle} if bundle else {}
        print_document(world, ok=not status, findings=[row(each) for each in results], **more)
        return status
    width = look().width if is_terminal() else 0
    told = [*lines(results, home=where.home(world.env) if width else "")]
    left = [each.finding for each in results if not each.done and not each.finding.is_note]
    if width and results:
        told.append([("", "")])
    if not left:
        told.append([("All is mended." if any(each.done for each in results) else "Nothing is wrong.", "green")])
    show([piece for line in told for piece in _wrapped(line, width)], world)
    for line in _wrapped([(_sum(left, is_fixing=is_fixing), "")], width) if left else ():
        world.tell("".join(text for text, _ in line).rstrip())
    return status


def lines(results: Sequence[Mended], *, home: str = "") -> Iterator[Line]:
    """Yield the lines; why something matters is said once of each code.

    Where a `home` is given, they are for a person: it is written `~`, and there is space between what differs.
    """
    said: set[str] = set()
    before = ""
    notes = [each for each in results if each.finding.is_note]
    for each in [*(each for each in results if not each.finding.is_note), *notes]:
        code = _MENDED if each.done else each.finding.code
        if home and before and code != before:
            yield [("", "")]
        for line in _lines(each, is_known=code in said):
            yield [(_short(text, home), style) for text, style in line]
        said.add(code)
        before = code


def question(found: Finding, world: World, *, width: int) -> list[str]:
    """Return what a person reads before they are asked whether to mend something."""
    whole = [*list(_lines(Mended(finding=found), is_known=False))[:-1], [(_INDENT, ""), (found.ask, "")]]
    home = where.home(world.env)
    short = ([(_short(text, home), style) for text, style in line] for line in whole)
    return ["".join(text for text, _ in piece).rstrip() for line in short for piece in _wrapped(line, width)]


def row(each: Mended) -> dict[str, object]:
    """Return one finding for JSON."""
    found = each.finding
    return {
        "code": found.code,
        "level": NOTE if found.is_note else FAULT,
        "subject": printable(found.subject, limit=400) or None,
        "message": printable(found.what, limit=_LIMIT),
        "reason": found.why,
        "hint": printable(found.todo, limit=_LIMIT),
        "can_fix": found.mend is not None,
        "asks": bool(found.ask),
        "fixed": bool(each.done),
        "not_fixed": None if each.failed is None else {"error": each.failed.code, "message": str(each.failed)},
    }


def _lines(each: Mended, *, is_known: bool) -> Iterator[Line]:
    found = each.finding
    if each.done:
        yield [(f"{_MENDED} ", "green"), (f"{found.code}: ", "bold"), (printable(each.done, limit=_LIMIT), "")]
        return
    mark, colour = _mark(each)
    yield [(f"{mark} ", colour), (f"{found.code}: ", "bold"), (printable(found.what, limit=_LIMIT), "")]
    if not is_known:
        yield [(_INDENT, ""), (found.why, "dim")]
    if each.failed is not None:
        yield [(_INDENT, ""), (f"It could not be mended: {each.failed}", "")]
        yield [(_INDENT, ""), (each.failed.hint, "")]
    else:
        yield [(_INDENT, ""), (printable(found.todo, limit=_LIMIT), "")]


def _short(text: str, home: str) -> str:
    """Write the home folder as people do, but where it is quoted: there a shell would not understand it."""
    return re.sub(rf"(?<![\w/'\"]){re.escape(home)}(?=/)", "~", text) if home else text


def _mark(each: Mended) -> tuple[str, str]:
    """Return what stands before a finding: whether `--fix` mends it, asks first, or can do nothing; or a note."""
    if each.finding.is_note:
        return "i", "bold"
    if each.finding.mend is None or each.failed is not None:
        return "-", "red"
    return ("?" if each.finding.ask else "+"), "yellow"


def _sum(left: Sequence[Finding], *, is_fixing: bool) -> str:
    safe = any(each.mend is not None and not each.ask for each in left)
    asks = any(each.ask for each in left)
    count = f"{len(left)} {'thing is' if len(left) == 1 else 'things are'} wrong."
    if is_fixing:
        return count + (" `codex-auth doctor --fix --yes` also does what is marked ?." if asks else "")
    offers = [*(["mends what is marked +"] if safe else []), *(["asks about what is marked ?"] if asks else [])]
    return count + (f" `codex-auth doctor --fix` {' and '.join(offers)}." if offers else "")


def _wrapped(line: Line, width: int) -> Iterator[Line]:
    """Yield a line in pieces that fit; what follows the first is indented. A command stays in one piece."""
    if not width:
        yield line
        return
    begun: Line = []
    used = 0
    for text, style in line:
        if not text.strip():
            begun, used = [(text, "")], len(text)
            continue
        for word in _WORD.findall(text):
            space = " " if begun and begun[-1][0].strip() else ""
            if used + len(space + word) > width and used > len(_INDENT):
                yield begun
                begun, used, space = [(_INDENT, "")], len(_INDENT), ""
            if begun and begun[-1][1] == style and begun[-1][0].strip():
                begun[-1] = (f"{begun[-1][0]}{space}{word}", style)
            else:
                begun.append((f"{space}{word}", style))
            used += len(space + word)
    yield begun
