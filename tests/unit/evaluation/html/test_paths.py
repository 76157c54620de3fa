import pytest

from fad.evaluation.html.paths import shown_path


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("data/eval/a.flac", "data/eval/a.flac"),
        ("{recipe}/dump/audio/a.flac", "dump/audio/a.flac"),
        ("{recipe}2/dump/audio/a.flac", "…/dump/audio/a.flac"),
        ("/data/someone/corpora/LA/flac/a.flac", "…/LA/flac/a.flac"),
        ("/data/LA/a.flac", "/data/LA/a.flac"),
    ],
)
def test_nobody_learns_where_someones_home_is(tmp_path, path, shown):
    recipe = tmp_path / "egs" / "mini"
    run = {"path": str(recipe / "exp" / "lora" / "results.json")}
    assert shown_path(path.format(recipe=recipe), run) == shown
