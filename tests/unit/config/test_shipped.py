"""The files of conf/: found, listed and described."""

import pytest

from fad.config import shipped
from fad.config.plain_yaml import read_yaml
from fad.utils.errors import FadError

ROW = 88  # letters in a table's row


def test_every_file_is_a_method_or_a_part_of_one_and_base_is_neither():
    assert sorted(shipped.methods() + shipped.parts()) == shipped.names()
    assert {"lora", "full_aasist"} <= set(shipped.methods())
    assert "aasist" in shipped.parts()
    assert "base" not in shipped.names()


def test_tables_list_each_method_and_each_part_joined_to_one():
    assert set(shipped.methods()) < set(shipped.listed())
    assert "lora+aasist" in shipped.listed()
    assert len(shipped.listed()) == len(shipped.names())


def test_what_leaves_the_model_alone_is_not_counted():
    assert "lora+aasist" in shipped.counted()
    assert set(shipped.listed()) - set(shipped.counted()) == {"lora+white_noise"}


def test_every_file_begins_with_one_short_sentence_about_it():
    for name in ("base", *shipped.names()):
        line = shipped.find(name).read_text(encoding="utf-8").partition("\n")[0]
        assert line == f"# {shipped.describe(name)}.", name
        assert len(shipped.describe(name)) <= ROW, name
    assert shipped.describe("lora+aasist") == f"As `lora`; {shipped.describe('aasist')}"


@pytest.mark.parametrize("line", ["adaptation: lora", "# no period", "#No blank."])
def test_a_file_that_does_not_say_what_it_is_is_an_error(line, tmp_path, monkeypatch):
    (tmp_path / "x.yaml").write_text(f"{line}\n# More.\n")
    monkeypatch.setattr(shipped, "conf_dir", lambda: tmp_path)
    with pytest.raises(FadError, match=r"x\.yaml: its first line must say what it is"):
        shipped.describe("x")


def test_a_file_says_only_what_differs_from_base():
    base = read_yaml(shipped.find("base"))
    for name in shipped.names():
        settings = read_yaml(shipped.find(name))
        own = {key for key in settings if settings[key] != base[key]}
        assert own or name == "frozen", name


def test_in_an_installed_package_the_files_lie_in_it(tmp_path, monkeypatch):
    checkout = shipped.conf_dir()
    assert (checkout.parent / "setup.py").is_file()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "mine.yaml").write_text("# Mine.\n")
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "shipped.py"))
    assert shipped.conf_dir() == tmp_path / "conf"
    assert shipped.names() == ["mine"]
