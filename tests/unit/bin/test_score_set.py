"""`fad.bin.score_set`: stage 4, by jobs and joined."""

import math

import pytest

from fad.bin import score_set
from fad.data import tables
from fad.errors import FadError
from tests.helpers.experiment import train

INT8 = 0.05  # on scores near 1


def score(trained, audio, out, nj=1, pretrained=None, *options):
    common = ["--model", str(trained), "--audio", str(audio), "--out", str(out), "--nj", str(nj)]
    common += options
    common += ["--pretrained", str(pretrained)] if pretrained else []
    for job in range(nj, 0, -1):
        score_set.main([*common, "--job", str(job)])
    score_set.main([*common, "--combine", "true"])
    return {utt: float(value) for utt, value in tables.read_table(out).items()}


@pytest.fixture
def audio(tiny_dump):
    return tiny_dump / "audio" / "dev"


def test_every_utterance_has_a_score_sorted_and_without_labels(trained, audio, tmp_path):
    scores = score(trained, audio, tmp_path / "scores" / "dev")
    assert list(scores) == sorted(tables.read_wav_scp(audio / "wav.scp"))
    assert all(math.isfinite(value) for value in scores.values())
    lines = (tmp_path / "scores" / "dev").read_text().splitlines()
    assert all(len(line.split()) == 2 for line in lines)
    names = sorted(path.name for path in (tmp_path / "scores").iterdir())
    assert names == ["dev", "dev.weights.sha256"]


def test_higher_is_bona_fide(trained, audio, tmp_path):
    scores, labels = (
        score(trained, audio, tmp_path / "dev"),
        tables.read_labels(audio / "utt2label"),
    )
    means = {
        label: sum(scores[utt] for utt in scores if labels[utt] == label) / 3
        for label in tables.LABELS
    }
    assert means["bonafide"] > means["spoof"]


def test_labels_are_not_read(trained, audio, tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("wav.scp", "utt2num_samples"):
        (bare / name).write_bytes((audio / name).read_bytes())
    assert score(trained, bare, tmp_path / "a") == score(trained, audio, tmp_path / "b")


@pytest.mark.parametrize("nj", [3, 8])  # with eight, two jobs have nothing to do
def test_jobs_together_score_as_one(trained, audio, tmp_path, nj):
    one, many = score(trained, audio, tmp_path / "1"), score(trained, audio, tmp_path / "n", nj)
    assert many == pytest.approx(one, abs=1e-5)


def test_a_set_of_another_recipe_has_a_slash_in_its_name(trained, audio, tmp_path):
    assert len(score(trained, audio, tmp_path / "scores" / "asvspoof2021_df" / "eval")) == 6


def test_joining_before_all_have_run_names_the_job(trained, audio, tmp_path):
    common = ["--model", str(trained), "--audio", str(audio), "--out", str(tmp_path / "dev")]
    score_set.main([*common, "--nj", "2", "--job", "1"])
    with pytest.raises(FadError, match="job 2 of 2 has not finished: run it again"):
        score_set.main([*common, "--nj", "2", "--combine", "true"])
    assert not (tmp_path / "dev").exists()


def test_what_is_missing_is_named(trained, audio, tmp_path):
    with pytest.raises(FadError, match="missing or not complete: run stage 2"):
        score(trained, tmp_path / "none", tmp_path / "out")
    with pytest.raises(FadError, match="--model takes an exp/<tag> that stage 3 has made"):
        score(tmp_path, audio, tmp_path / "out")
    with pytest.raises(FadError, match="--job 2 is not within 1 and --nj 1"):
        common = ["--model", str(trained), "--audio", str(audio), "--out", str(tmp_path / "out")]
        score_set.main([*common, "--job", "2"])


def test_another_pretrained_file_is_refused(trained, audio, tmp_path):
    from tests.helpers.released import MINI, write_random_checkpoint

    other = write_random_checkpoint(tmp_path / "other.pt", MINI, seed=3)
    with pytest.raises(FadError, match=r"other.pt: not the pre-trained file"):
        score(trained, audio, tmp_path / "out", pretrained=other)


def test_scores_in_integers_are_near_and_are_told_from_others(trained, audio, tmp_path):
    whole = score(trained, audio, tmp_path / "a")
    ints = score(trained, audio, tmp_path / "b", 2, None, "--precision", "int8")
    assert ints == pytest.approx(whole, abs=INT8)
    assert ints != whole
    notes = [(tmp_path / f"{name}.weights.sha256").read_text().splitlines() for name in "ab"]
    assert notes[1] == ["# precision int8", *notes[0]]


def test_parts_of_another_precision_are_not_joined(trained, audio, tmp_path):
    common = ["--model", str(trained), "--audio", str(audio), "--out", str(tmp_path / "dev")]
    score_set.main([*common, "--precision", "int8"])
    with pytest.raises(FadError, match="job 1 of 1 has not finished: run it again"):
        score_set.main([*common, "--combine", "true"])
    score_set.main([*common, "--precision", "int8", "--combine", "true"])
    assert len(tables.read_table(tmp_path / "dev")) == 6


def test_scores_at_less_cost_are_told_from_others(mini_file, tiny_dump, audio, tmp_path):
    exp = train(tmp_path / "exp", mini_file, tiny_dump, "stochastic", "train.epochs=1")
    whole = score(exp, audio, tmp_path / "a")
    less = score(exp, audio, tmp_path / "b", 2, None, "--compute", "2")
    assert less.keys() == whole.keys()
    assert less != whole
    notes = [(tmp_path / f"{name}.weights.sha256").read_text().splitlines() for name in "ab"]
    assert notes[1] == ["# precision fp32-compute2", *notes[0]]
    common = ["--model", str(exp), "--audio", str(audio), "--out", str(tmp_path / "c")]
    score_set.main([*common, "--compute", "4"])
    with pytest.raises(FadError, match="job 1 of 1 has not finished: run it again"):
        score_set.main([*common, "--compute", "2", "--combine", "true"])
