import json

import pytest

from fad.bin.study import get_parser, main
from fad.utils.errors import FadError
from tests.helpers.study import write_run


def test_it_writes_the_report_of_the_runs_that_are_finished(tmp_path):
    exp = tmp_path / "egs/mini/exp"
    write_run(exp, "lora")
    write_run(exp, "lora", tag="others_lora")
    main(["--exp", str(exp)])
    study = json.loads((exp / "study/study.json").read_text())
    assert [system["tags"] for system in study["systems"]] == [["study_lora"]]
    assert (exp / "study/study.md").is_file()


def test_every_key_of_study_json_is_said_in_the_help(tmp_path):
    exp = tmp_path / "egs/mini/exp"
    write_run(exp, "lora")
    main(["--exp", str(exp)])
    study = json.loads((exp / "study/study.json").read_text())
    (system,) = study["systems"]
    errors = system["test_sets"]["eval"]
    text = get_parser().format_help()
    for keys in (study, system, errors, errors["all"], errors["all"]["interval"]):
        assert [key for key in keys if key not in text] == []


def test_nothing_finished_is_said(tmp_path):
    with pytest.raises(FadError, match="no run is finished"):
        main(["--exp", str(tmp_path), "--name", "study"])
