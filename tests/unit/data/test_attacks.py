import logging

import pytest

from fad.data.attacks import read_attacks, short_attacks


@pytest.fixture
def table(tmp_path):
    def write(text: str):
        (tmp_path / "utt2attack").write_text(text)
        return read_attacks(tmp_path / "utt2attack")

    return write


def test_attacks_have_their_corpus_which_may_be_another_ones(table, caplog):
    caplog.set_level(logging.INFO)
    found = table("la21-1 asvspoof2019_la/A07\nla21-2 -\n")
    assert found == {"la21-1": "asvspoof2019_la/A07", "la21-2": "-"}
    assert caplog.text == ""


def test_attacks_of_an_older_table_are_of_the_corpus_of_its_utterances(table, caplog):
    caplog.set_level(logging.INFO)
    found = table("mini-1 world\nmini-2 -\nmini-3-b other/lpc\n")
    assert found == {"mini-1": "mini/world", "mini-2": "-", "mini-3-b": "other/lpc"}
    assert "its attacks name no corpus: taken from its utterance ids: mini" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "spk1-1 A01\nspk2-1 A01\n",  # as in Kaldi: the speaker begins an id
        "LA_E_1 A01\nLA_E_2 -\n",
        "-1 A01\n".replace("-1", "=1"),
    ],
)
def test_where_ids_name_no_corpus_attacks_stay_as_they_are(table, text):
    assert "A01" in table(text).values()


def test_a_name_is_shown_short_where_it_is_unique():
    names = ["asvspoof5/A01", "asvspoof2019_la/A01", "mini/world", "lpc"]
    assert short_attacks(names) == {
        "asvspoof5/A01": "asvspoof5/A01",
        "asvspoof2019_la/A01": "asvspoof2019_la/A01",
        "mini/world": "world",
        "lpc": "lpc",
    }
