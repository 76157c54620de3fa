import dataclasses

import pytest
from jinja2 import UndefinedError

from fad.evaluation.html.breakdown import Breakdown
from fad.evaluation.html.parts import Figure, Table, by_set
from fad.evaluation.html.provenance import Fact
from fad.evaluation.html.render import make_environment, render
from tests.helpers.markup import Page

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;"


def data_of_sections(text: str) -> dict[str, dict]:
    """Data for the template of each section, with `text` in every place that takes text."""
    table = Table(text, [text, text], [[text, text]], [(text, 2)], code=[text])
    wide, narrow = (Figure(b"<svg/>", text, text, is_wide) for is_wide in (True, False))
    run = {"tag": text, "facts": [Fact(text, text, True), Fact(text, text)], "config": text}
    breakdowns = [Breakdown(table, text, ""), Breakdown(table, text, text)]
    return {
        "summary": {"table": table, "note": text, "plot": wide},
        "det": {"sets": [(text, [narrow, wide])], "has_seeds": True},
        "breakdown": {"sets": [(text, {"figure": wide, "breakdowns": breakdowns})]},
        "trials": {"counts": table, "training_data": table},
        "costs": {"sets": [(text, {"tables": [table], "asv": text, "figure": narrow})]},
        "scores": {"sets": [(text, [narrow])]},
        "hardest": {"sets": [(text, {"tables": [table], "folds": [(text, [table])]})]},
        "reading": {},
        "provenance": {"table": table, "runs": [run, run]},
    }


def whole_page(text: str) -> str:
    sections = [
        {"anchor": anchor, "title": text, "link": text, "data": data}
        for anchor, data in data_of_sections(text).items()
    ]
    return render(title=text, introduction=text, warnings=[text], sections=sections)


def test_hostile_text_stays_text_everywhere():
    found, plain = Page(whole_page(HOSTILE)), Page(whole_page("plain"))
    assert [tag for tag, _ in found.elements if tag != "wbr"] == [tag for tag, _ in plain.elements]
    assert found.text == plain.text.replace("plain", HOSTILE)
    assert plain.text.count("plain") > 60


def test_hostile_text_stays_text_in_attributes():
    found, plain = Page(whole_page(HOSTILE)), Page(whole_page("plain"))
    tags = [each for each in found.elements if each[0] != "wbr"]
    assert [given for _, given in tags] == [
        {key: value.replace("plain", HOSTILE) for key, value in given.items()}
        for _, given in plain.elements
    ]
    assert sum("plain" in given.get("aria-label", "") for _, given in plain.elements) > 8


@pytest.mark.parametrize("section", data_of_sections("text"))
def test_a_value_that_is_missing_is_an_error(section):
    template = make_environment().get_template(f"{section}.html.j2")
    data = data_of_sections("text")[section]
    template.render(data=data)
    for key in data:
        with pytest.raises(UndefinedError):
            template.render(data={other: data[other] for other in data if other != key})


def show_table(**changes) -> str:
    table = Table("all", ["name", "EER %", "mark"], [["a", "1.5", "seen"]], [("", 1), ("g", 2)])
    macros = make_environment().get_template("macros.html.j2").module
    return str(macros.show_table(dataclasses.replace(table, **changes)))


def test_a_table_has_headers_of_its_rows_columns_and_groups():
    found = Page(show_table())
    scopes = [(cell["scope"], cell.get("colspan")) for cell in found.all("th")]
    assert scopes == [("colgroup", "2"), *[("col", None)] * 3, ("row", None)]
    classes = [cell.get("class") for cell in found.all("td")]
    assert classes == [None, "number", None]  # the empty corner; numbers to the right
    [region] = found.all("div")
    assert (region["role"], region["tabindex"], region["aria-label"]) == ("region", "0", "all")


def test_only_the_columns_of_code_are_code():
    assert "<code>" not in show_table()
    assert "<td><code>seen</code></td>" in show_table(code=["mark"])


def test_a_table_without_rows_is_a_table():
    assert len(Page(show_table(rows=[])).all("th")) == 4


def test_lines_break_after_underscores_and_never_before_a_percent_sign():
    assert '<th scope="col">a_<wbr>b_<wbr>&lt;</th>' in show_table(header=["a_b_<", "EER %", "c"])
    assert '<th scope="col" class="number">EER\N{NO-BREAK SPACE}%</th>' in show_table()


def test_parts_are_named_only_where_there_are_several_sets():
    assert by_set(["a"], [[1]]) == [("", [1])]
    assert by_set(["a", "b", "c"], [[1], [], None]) == [("a", [1])]
