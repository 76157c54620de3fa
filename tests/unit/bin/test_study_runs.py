import pytest

from fad.bin.study_runs import main
from fad.utils.errors import FadError


def listed(capsys, *words):
    main(list(words))
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_line_has_state_seconds_dump_tag_method_and_overrides(capsys, folder):
    (folder / "exp/study").mkdir(parents=True)
    (folder / "exp/study/times").write_text("study_lora 41\n")
    words = ["--methods", "frozen", "lora", "--ranks", "4", "8", "--set", "train.epochs=30"]
    assert listed(capsys, *words) == [
        ["todo", "-", "0", "study_frozen", "frozen"],
        ["todo", "41", "1", "study_lora", "lora"],
        ["todo", "41", "1", "study_lora_adaptation_conf.rank=8", "lora", "adaptation_conf.rank=8"],
    ]


def test_stage_2_goes_by_method_and_crop(capsys):
    words = ["--methods", "lora", "full", "--crop_samples", "16400", "64600", "--seeds", "1", "2"]
    assert [line[2] for line in listed(capsys, *words)] == list("01230123")


def test_what_is_given_takes_the_place_of_a_presets_part(capsys):
    words = ["--preset", "paper_rank", "--ranks", "2", "--lr", "full=1e-3"]
    assert [line[3] for line in listed(capsys, *words)] == [
        "study_full_train.lr=1e-3",
        "study_lora_adaptation_conf.rank=2",
    ]
    assert [line[4] for line in listed(capsys)] == ["frozen", "lora", "full"]


def test_an_encoder_that_is_not_there_is_an_error():
    with pytest.raises(FadError, match=r"no\.pt"):
        main(["--pretrained", "no.pt"])


@pytest.mark.parametrize("words", [["--ranks", "x"], ["--ranks", "-1"], ["--seeds", "1.5"]])
def test_numbers_are_wanted(words):
    with pytest.raises(SystemExit):
        main(words)
