import pytest

from fad.evaluation.html.elements import (
    Html,
    details,
    element,
    figure,
    html,
    join,
    paragraph,
    section,
    table,
)
from tests.helpers.markup import Page

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;"


def test_text_is_escaped_once_and_html_never_again():
    assert html("<a> & \"b\" 'c'") == "&lt;a&gt; &amp; &quot;b&quot; &#x27;c&#x27;"
    assert html(Html("<b>x</b>")) == "<b>x</b>"
    assert element("p", element("b", "<")) == "<p><b>&lt;</b></p>"


MAKERS = {
    "element": lambda text: element("p", text, title=text),
    "paragraph": lambda text: paragraph(text, text),
    "details": lambda text: details(text, text),
    "figure": lambda text: figure("data:,", text, text, "wide"),
    "table": lambda text: table(text, [text, text], [[text, text]], [(text, 2)]),
    "section": lambda text: section("a", text, text),
    "join": lambda text: join([text, text], text),
}


@pytest.mark.parametrize("maker", MAKERS)
def test_hostile_text_stays_text_everywhere(maker):
    found, plain = Page(MAKERS[maker](HOSTILE)), Page(MAKERS[maker]("plain"))
    assert [tag for tag, _ in found.elements] == [tag for tag, _ in plain.elements]
    assert [set(attributes) for _, attributes in found.elements] == [
        set(attributes) for _, attributes in plain.elements
    ]
    assert found.text == plain.text.replace("plain", HOSTILE)


def test_a_table_has_headers_of_its_rows_columns_and_groups():
    found = Page(
        table("all", ["name", "EER %", "mark"], [["a", "1.5", "seen"]], [("", 1), ("g", 2)])
    )
    scopes = [(cell["scope"], cell.get("colspan")) for cell in found.all("th")]
    assert scopes == [("colgroup", "2"), *[("col", None)] * 3, ("row", None)]
    classes = [cell.get("class") for cell in found.all("td")]
    assert classes == [None, "number", None]  # the empty corner; numbers to the right
    [region] = found.all("div")
    assert (region["role"], region["tabindex"], region["aria-label"]) == ("region", "0", "all")


def test_a_section_without_content_is_not_there():
    assert section("a", "title", "", Html("")) == ""
    assert Page(section("a", "title", "text")).all("section") == [
        {"id": "a", "aria-labelledby": "a-title"}
    ]
