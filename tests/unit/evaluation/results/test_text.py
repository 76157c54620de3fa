from fad.evaluation.results.text import markdown_table, terminal_table

HEADER = ["name", "count", "note"]
ROWS = [["lora", "1,577,000", "a|b"], ["full", "-", "2nd"]]


def test_terminal_table_sets_numbers_to_the_right():
    assert terminal_table(HEADER, ROWS).splitlines() == [
        "name      count  note",
        "----  ---------  ----",
        "lora  1,577,000  a|b",
        "full          -  2nd",
    ]


def test_markdown_table_has_equal_widths_and_escapes_bars():
    assert markdown_table(HEADER, ROWS).splitlines() == [
        "| name |     count | note |",
        "| ---- | --------: | ---- |",
        "| lora | 1,577,000 | a\\|b |",
        "| full |         - | 2nd  |",
    ]


def test_a_table_without_rows_is_its_header():
    assert terminal_table(["a"], []).splitlines() == ["a", "-"]
