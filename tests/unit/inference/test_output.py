import csv
import json
from pathlib import Path

from fad.inference.output import Output

HOSTILE = "a\x1b[2J\n音\udcff.wav"


def written(form, capsys):
    Output(form, ["score"]).write(Path(HOSTILE), ["-1.500000"])
    return capsys.readouterr().out


def test_a_name_of_a_stranger_makes_no_second_line_and_moves_no_cursor(capsys):
    assert written("text", capsys) == "a\\x1b[2J\\n音\\udcff.wav\t-1.500000\n"


def test_json_is_ascii_and_keeps_the_name(capsys):
    text = written("json", capsys)
    assert text.isascii() and json.loads(text) == {"path": HOSTILE, "score": -1.5}


def test_csv_quotes_the_name(capsys):
    Output("csv", ["score"]).write(Path('a,\n"b".wav'), ["-1.5"])
    rows = csv.reader(capsys.readouterr().out.splitlines(keepends=True))
    assert list(rows) == [["path", "score"], ['a,\n"b".wav', "-1.5"]]
