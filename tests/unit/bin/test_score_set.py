"""`fad.bin.score_set`: stage 4, by jobs and joined."""

import logging
import math
import shutil

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from fad.bin import score_set
from fad.data import tables
from fad.dump import shards
from fad.inference import loading
from fad.models.detector import Detector
from fad.utils.errors import FadError
from tests.helpers.experiment import train

INT8 = 0.05  # on scores near 1


def score(trained, audio, out, nj=1, pretrained=None, *options):
    words = [*common(trained, audio, out, nj), *options]
    words += ["--pretrained", str(pretrained)] if pretrained else []
    for job in range(nj, 0, -1):
        score_set.main([*words, "--job", str(job)])
    score_set.main([*words, "--combine", "true"])
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
    for name in ("wav.scp", "utt2num_samples", "utt2digest"):
        (bare / name).write_bytes((audio / name).read_bytes())
    assert score(trained, bare, tmp_path / "a") == score(trained, audio, tmp_path / "b")


@pytest.fixture
def few_shards(monkeypatch):
    """The six clips in three shards."""
    monkeypatch.setattr(shards, "FEWEST", 3)


@pytest.fixture
def forwards(monkeypatch) -> list[int]:
    """How many clips are in each batch that is scored, as it happens."""
    found = []
    outputs = Detector.outputs
    monkeypatch.setattr(
        Detector, "outputs", lambda self, x, *a: found.append(len(x)) or outputs(self, x, *a)
    )
    return found


def common(trained, audio, out, nj=1) -> list[str]:
    paths = ["--model", str(trained), "--audio", str(audio), "--out", str(out)]
    return [*paths, "--nj", str(nj)]


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_number_of_jobs_changes_no_byte(trained, audio, tmp_path, few_shards, forwards):
    made = []
    for nj in (1, 2, 3, 7):  # with seven, four jobs have nothing to do
        forwards.clear()
        score(trained, audio, tmp_path / f"{nj}" / "dev", nj)
        made.append(contents(tmp_path / f"{nj}"))
        assert sum(forwards) == 6
        assert max(forwards) == 2  # so that batches are made, and could be made otherwise
    assert made.count(made[0]) == 4


def test_scores_are_those_of_the_set_scored_at_once(trained, audio, tmp_path, monkeypatch):
    several = score(trained, audio, tmp_path / "a")
    monkeypatch.setattr(shards, "FEWEST", 1)
    assert score(trained, audio, tmp_path / "b") == pytest.approx(several, abs=1e-5)


def test_what_a_killed_run_finished_is_not_scored_again(
    trained, audio, tmp_path, few_shards, forwards, caplog
):
    score(trained, audio, tmp_path / "a" / "dev")
    out = tmp_path / "b" / "dev"
    score_set.main([*common(trained, audio, out, 3), "--job", "2"])
    forwards.clear()
    with caplog.at_level(logging.INFO):
        score_set.main(common(trained, audio, out))
    assert sum(forwards) == 4
    assert "job 1 of 1: 1 of its 3 shards are done already" in caplog.text
    score_set.main([*common(trained, audio, out), "--combine", "true"])
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize("job", ["2", "4"])  # one whose work is done, and one without any
def test_a_job_with_nothing_to_do_loads_no_model(
    job, trained, audio, tmp_path, few_shards, monkeypatch
):
    score_set.main(common(trained, audio, tmp_path / "dev"))
    monkeypatch.setattr(loading, "load_for_scoring", None)
    score_set.main([*common(trained, audio, tmp_path / "dev", 4), "--job", job])


def other_weights(model) -> None:
    weights = load_file(model / "best.safetensors")
    with safe_open(model / "best.safetensors", framework="pt") as file:
        metadata = file.metadata()
    save_file({k: v * 1.01 for k, v in weights.items()}, model / "best.safetensors", metadata)


def other_config(model) -> None:
    with (model / "config.yaml").open("a") as file:
        file.write("# changed\n")


def other_audio(audio) -> None:
    table = tables.read_table(audio / "utt2digest")
    tables.write_table(audio / "utt2digest", {**table, "dev-003": table["dev-002"]})


def fewer_clips(audio) -> None:
    for name in ("wav.scp", "utt2num_samples", "utt2digest"):
        table = tables.read_table(audio / name)
        del table["dev-005"]
        tables.write_table(audio / name, table)


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        (other_weights, "3 of 3"),
        (other_config, "3 of 3"),
        (other_audio, "1 of 3"),
        (fewer_clips, "[123] of 3"),
    ],
)
def test_parts_of_something_else_are_neither_used_nor_stamped(
    change, missing, trained, audio, tmp_path, few_shards
):
    model = shutil.copytree(trained, tmp_path / "model")
    dump = shutil.copytree(audio, tmp_path / "audio")
    words = common(model, dump, tmp_path / "scores" / "dev")
    score_set.main(words)
    change(model if change in (other_weights, other_config) else dump)
    with pytest.raises(FadError, match=rf"{missing} shards are missing, or were .*: job 1 of 1"):
        score_set.main([*words, "--combine", "true"])
    assert not (tmp_path / "scores/dev").exists()
    assert not (tmp_path / "scores/dev.weights.sha256").exists()


def test_joining_removes_what_killed_runs_left_and_no_other_set_s(
    trained, audio, tmp_path, few_shards
):
    stale = [f".dev.{number}.{16 * 'a'}" for number in ("00001", "00099")]
    other = [f".eval.00001.{16 * 'a'}", f".dev.x.00001.{16 * 'a'}"]
    for name in (*stale, *other, ".dev.part99"):
        (tmp_path / name).touch()
    score(trained, audio, tmp_path / "dev")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*other, "dev", "dev.weights.sha256"]
    )


def test_a_set_of_another_recipe_has_a_slash_in_its_name(trained, audio, tmp_path):
    assert len(score(trained, audio, tmp_path / "scores" / "asvspoof2021_df" / "eval")) == 6


def test_joining_before_all_have_run_names_the_job(trained, audio, tmp_path):
    words = common(trained, audio, tmp_path / "dev", 2)
    score_set.main([*words, "--job", "1"])
    with pytest.raises(FadError, match=r"3 of 6 shards are missing, .*: job 2 of 2 must be run"):
        score_set.main([*words, "--combine", "true"])
    assert not (tmp_path / "dev").exists()


def test_what_is_missing_is_named(trained, audio, tmp_path):
    with pytest.raises(FadError, match="missing or not complete: run stage 2"):
        score(trained, tmp_path / "none", tmp_path / "out")
    with pytest.raises(FadError, match="--model takes an exp/<tag> that stage 3 has made"):
        score(tmp_path, audio, tmp_path / "out")
    with pytest.raises(FadError, match="--job 2 is not within 1 and --nj 1"):
        score_set.main([*common(trained, audio, tmp_path / "out"), "--job", "2"])


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
    words = common(trained, audio, tmp_path / "dev")
    score_set.main([*words, "--precision", "int8"])
    with pytest.raises(FadError, match=r"6 of 6 shards are missing, .*: job 1 of 1 must be run"):
        score_set.main([*words, "--combine", "true"])
    score_set.main([*words, "--precision", "int8", "--combine", "true"])
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
    with pytest.raises(FadError, match="job 1 of 1 must be run again"):
        score_set.main([*common, "--compute", "2", "--combine", "true"])
