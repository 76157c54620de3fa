"""A strict reading of HTML: every element closed in its order, and what a page refers to."""

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input", "hr", "col", "wbr"}


class Page(HTMLParser):
    """A page that was read.

    Attributes:
        elements: names and attributes, in order.
        text: what is written outside of elements' tags.
    """

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"an attribute twice in {tag}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, name: str) -> list[dict[str, str]]:
        """Attributes of every element of this name."""
        return [attributes for tag, attributes in self.elements if tag == name]

    def references(self) -> list[str]:
        """Everything that the page points to."""
        keys = ("src", "href", "action", "data", "srcset", "poster", "formaction", "background")
        return [found[key] for _, found in self.elements for key in keys if key in found]
