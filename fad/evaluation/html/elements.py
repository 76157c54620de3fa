"""Pieces of HTML: what is not `Html` already is text, and is escaped."""

from collections.abc import Iterable, Sequence
from html import escape

from fad.evaluation.results.text import is_number


class Html(str):
    """Text that is HTML; made only by the functions here and from constants."""


def html(value: str) -> Html:
    """Plain text as HTML, safe in elements and in quoted attributes."""
    return value if isinstance(value, Html) else Html(escape(value, quote=True))


def join(parts: Iterable[str], between: str = "\n") -> Html:
    """The parts that are not empty, one after the other."""
    return Html(html(between).join(html(part) for part in parts if part))


def element(name: str, *content: str, **attributes: str) -> Html:
    """An element; `class_` is the attribute `class`, other underscores become hyphens."""
    pairs = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    text = "".join(f' {key}="{html(value)}"' for key, value in pairs.items())
    return Html(f"<{name}{text}>{join(content, '')}</{name}>")


def paragraph(*content: str) -> Html:
    """A `p`; numbers are not parted from their percent sign."""
    return element("p", _unparted(join(content, "")))


def _unparted(content: str) -> Html:
    return Html(html(content).replace(" %", "&nbsp;%"))


def _breakable(title: str) -> Html:
    """A name that may be parted after its underscores, as tags are long."""
    return Html(_unparted(title).replace("_", "_<wbr>"))


def details(summary: str, *content: str, **attributes: str) -> Html:
    """What is shown on a click, under its summary."""
    return element("details", element("summary", summary), *content, **attributes)


def figure(src: str, alt: str, caption: str, kind: str = "") -> Html:
    """An image with a caption.

    Args:
        src: a data URI.
        alt: what the image says, for those who do not see it.
        caption: shown under it.
        kind: `wide` for one that takes the whole width, and scrolls where that is too small.
    """
    image = Html(f'<img src="{html(src)}" alt="{html(alt)}">')
    if kind == "wide":
        image = element("div", image, class_="scroll", tabindex="0", role="region", aria_label=alt)
    return element("figure", image, element("figcaption", caption), class_=f"plot {kind}".strip())


def _cell(content: str, tag: str, is_right: bool, **attributes: str) -> Html:
    if is_right:
        attributes["class_"] = "number"
    return element(tag, content, **attributes)


def table(
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    groups: Sequence[tuple[str, int]] = (),
) -> Html:
    """A table that scrolls by itself where it is wider than the page.

    Columns of numbers are set to the right; the first cell of a row is its header.

    Args:
        caption: what the table shows.
        header: a title a column.
        rows: as many cells each.
        groups: titles over several columns with how many; they cover all columns.
    """
    right = [
        all(is_number(row[column]) for row in rows) and column > 0 for column in range(len(header))
    ]
    heads = [
        _cell(_breakable(title), "th", is_right, scope="col")
        for title, is_right in zip(header, right, strict=True)
    ]
    head = element("tr", *heads)
    if groups:
        over = [
            element("th", title, colspan=str(span), scope="colgroup", class_="group")
            if title
            else element("td", colspan=str(span))
            for title, span in groups
        ]
        head = join([element("tr", *over), head], "")
    lines = [
        element(
            "tr",
            element("th", first, scope="row"),
            *(_cell(cell, "td", is_right) for cell, is_right in zip(rest, right[1:], strict=True)),
        )
        for first, *rest in rows
    ]
    whole = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *lines),
    )
    return element("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)


def section(anchor: str, title: str, *content: str) -> Html:
    """A section with its heading; empty where it has no content."""
    inner = join(content)
    if not inner:
        return Html("")
    heading = element("h2", title, id=f"{anchor}-title")
    return element("section", heading, inner, id=anchor, aria_labelledby=f"{anchor}-title")
