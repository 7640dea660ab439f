"""Things in columns where there is room, and as a few lines for each where there is not."""

from collections.abc import Iterator, Sequence

from codex_auth.core import text
from codex_auth.views.screen import Line

NOTHING = "–"
"""What stands where there is nothing to say."""
_GAP = "  "


def drawn(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Sequence[Sequence[str]],
    width: int | None,
    *,
    missable: Sequence[str] = (),
) -> list[Line]:
    """Return the lines of a table that is `width` wide at most (None: as wide as it is), each piece with its style.

    A column in which nothing is said goes first, then the `missable` ones in their order. Where even the rest has no
    room, each row becomes lines of its own, without what there is nothing to say about.
    """
    shown = _fitting(columns, rows, width, missable)
    if not shown:
        return [line for row, style in zip(rows, styles, strict=True) for line in _block(columns, row, style)]
    widths = [max(text.columns(row[at]) for row in [columns, *rows]) for at in shown]
    lines = [_line([columns[at] for at in shown], widths, ["bold"] * len(shown))]
    for row, style in zip(rows, styles, strict=True):
        lines.append(_line([row[at] for at in shown], widths, [style[at] for at in shown]))
    return lines


def _fitting(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None, missable: Sequence[str]
) -> list[int]:
    every = list(range(len(columns)))
    said = [at for at in every if any(row[at] not in {NOTHING, "-"} for row in rows)]
    fewer = [[at for at in said if columns[at] not in missable[: count + 1]] for count in range(len(missable))]
    for shown in (every, said, *fewer):
        wide = sum(max(text.columns(row[at]) for row in [columns, *rows]) + len(_GAP) for at in shown) - len(_GAP)
        if width is None or wide <= width:
            return shown
    return []


def _line(cells: list[str], widths: list[int], styles: Sequence[str]) -> Line:
    padded = [cell + " " * (width - text.columns(cell)) + _GAP for cell, width in zip(cells[:-1], widths, strict=False)]
    return list(zip([*padded, cells[-1]], styles, strict=True))


def _block(columns: Sequence[str], cells: Sequence[str], styles: Sequence[str]) -> Iterator[Line]:
    yield [(cells[0], styles[0])]
    widest = max(map(len, columns[1:]))
    for label, cell, style in zip(columns[1:], cells[1:], styles[1:], strict=True):
        if cell not in {NOTHING, "-"}:
            yield [(f"  {label.lower():<{widest}}  ", "dim"), (cell, style)]
