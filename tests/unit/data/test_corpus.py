"""Clips become sets: names made safe, speakers kept together, faults found before writing."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fad.data.corpus import SETS, Clip, is_audio, safe_id, split_by_speaker, write_corpus
from fad.data.tables import check_id, validate_data_dir
from fad.utils.errors import FadError


def clip(name: str, label: str, speaker: str = "-", split: str = "", **more: str) -> Clip:
    attack = more.get("attack", "-" if label == "bonafide" else "A01")
    return Clip(name, Path(f"{name}.wav"), label, attack, speaker, split, more.get("source", ""))


@pytest.fixture
def clips(tmp_path, monkeypatch) -> list[Clip]:
    """One clip of each label in each set, with files."""
    monkeypatch.chdir(tmp_path)
    made = [
        clip(f"{split}{label}", label, f"speaker {split}", split, source=f"list:{split}")
        for split in SETS
        for label in ("bonafide", "spoof")
    ]
    for one in made:
        Path(one.path).touch()
    return made


@given(st.text(min_size=1, max_size=50))
def test_safe_ids_pass_the_check(name):
    assert check_id(safe_id(name)) == safe_id(name)


def test_safe_ids_keep_what_is_safe():
    assert safe_id("LA_T_1138215") == "LA_T_1138215"
    assert safe_id("a b/c'd$.wav") == "a_b_c_d_.wav"
    assert safe_id("-rf") == "_rf"


def test_audio_is_known_by_its_suffix():
    names = ("a.WAV", "a.flac", "a.txt", ".hidden.wav", "wav")
    assert [name for name in names if is_audio(Path(name))] == ["a.WAV", "a.flac"]


def test_a_corpus_becomes_valid_data_dirs(clips, tmp_path):
    write_corpus("data", "mine", clips)
    tables = validate_data_dir("data/dev")
    assert tables["wav.scp"]["mine-devspoof"] == str(tmp_path / "devspoof.wav")
    assert tables["utt2label"] == {"mine-devbonafide": "bonafide", "mine-devspoof": "spoof"}
    assert tables["utt2attack"] == {"mine-devbonafide": "-", "mine-devspoof": "mine/A01"}
    assert tables["utt2spk"] == dict.fromkeys(tables["wav.scp"], "speaker_dev")


def test_an_unknown_speaker_is_the_utterance(clips):
    write_corpus(
        "data", "mine", [Clip(c.name, c.path, c.label, c.attack, split=c.split) for c in clips]
    )
    assert validate_data_dir("data/eval")["utt2spk"]["mine-evalspoof"] == "mine-evalspoof"


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (clip("gone", "spoof", split="dev", source="list:9"), "list:9: no audio file gone.wav"),
        (
            clip("x", "spoof", split="test", source="list:9"),
            "list:9: split 'test': .*known: dev, ev",
        ),
        (clip("x", "fake", split="dev", attack="A01"), "label 'fake'"),
        (
            clip("devspoof", "spoof", split="train", source="list:9"),
            "'mine-devspoof' is taken by list:dev",
        ),
        (clip("x", "spoof", "speaker_dev", "dev"), "'speaker dev' and 'speaker_dev' both become"),
    ],
)
def test_faults_are_named_before_anything_is_written(clips, extra, expected):
    Path("x.wav").touch()
    with pytest.raises(FadError, match=expected):
        write_corpus("data", "mine", [*clips, extra])
    assert not Path("data").exists()


def test_all_missing_files_are_counted(clips):
    Path(clips[0].path).unlink()
    Path(clips[3].path).unlink()
    with pytest.raises(FadError, match=r"no audio file trainbonafide\.wav \(2 of 6 are missing\)"):
        write_corpus("data", "mine", clips)


def test_a_set_of_one_class_is_warned_of(clips, caplog):
    write_corpus("data", "mine", [c for c in clips if c.name != "evalbonafide"])
    assert set(validate_data_dir("data/eval")["utt2label"].values()) == {"spoof"}
    (warning,) = [text for text in caplog.messages if "both classes" in text]
    assert warning.startswith("the eval set has no bonafide clip among 1: it can be scored, but ")


def test_a_set_without_a_clip_is_refused(clips):
    with pytest.raises(FadError, match="the eval set has no clip"):
        write_corpus("data", "mine", [c for c in clips if c.split != "eval"])
    assert not Path("data").exists()


def test_attacks_may_be_another_corpus_s(clips):
    write_corpus("data", "mine", clips, attack_corpus="asvspoof2019_la")
    attacks = validate_data_dir("data/dev")["utt2attack"]
    assert attacks == {"mine-devbonafide": "-", "mine-devspoof": "asvspoof2019_la/A01"}


def test_a_corpus_may_have_a_test_set_alone(clips):
    write_corpus("data", "mine", clips[4:], sets=("eval",))
    assert [path.name for path in Path("data").iterdir()] == ["eval"]


def test_a_path_that_no_table_can_hold_is_named(clips):
    with pytest.raises(FadError, match=r"'\\udcff\.wav' is not UTF-8: rename it"):
        write_corpus("data", "mine", [*clips, replace(clips[0], name="x", path="\udcff.wav")])


def test_an_empty_corpus_is_refused():
    with pytest.raises(FadError, match="has no clip"):
        write_corpus("data", "mine", [])


def division(clips: list[Clip], seed: int = 0) -> dict[str, Counter]:
    found = {name: Counter() for name in SETS}
    for one in split_by_speaker(clips, seed):
        found[one.split][one.label] += 1
    return found


def test_divided_60_20_20_in_each_label():
    clips = [clip(f"b{n}", "bonafide", f"p{n // 4}") for n in range(200)]
    clips += [clip(f"s{n}", "spoof") for n in range(100)]
    found = division(clips)
    assert {name: dict(found[name]) for name in SETS} == {
        "train": {"bonafide": 120, "spoof": 60},
        "dev": {"bonafide": 40, "spoof": 20},
        "eval": {"bonafide": 40, "spoof": 20},
    }


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["bonafide", "spoof"])), max_size=40))
def test_no_speaker_is_in_two_sets_and_no_clip_is_lost(drawn):
    clips = [clip(f"u{n}", label, f"p{speaker}") for n, (speaker, label) in enumerate(drawn)]
    divided = split_by_speaker(clips)
    assert sorted(c.name for c in divided) == sorted(c.name for c in clips)
    for speaker in {c.speaker for c in divided}:
        assert len({c.split for c in divided if c.speaker == speaker}) == 1


@pytest.mark.parametrize("both", [0, 1, 2, 3])
def test_three_speakers_of_a_label_reach_every_set(both):
    clips = [
        clip(f"m{n}{label}", label, f"m{n}") for n in range(both) for label in ("bonafide", "spoof")
    ]
    clips += [clip(f"b{n}", "bonafide", f"b{n}") for n in range(3 - both)]
    clips += [clip(f"s{n}{k}", "spoof", f"s{n}") for n in range(3 - both) for k in range(n + 1)]
    assert all(len(found) == 2 for found in division(clips).values())


@pytest.mark.parametrize("seed", range(4))
def test_a_large_speaker_goes_to_train(seed):
    clips = [clip(f"large{n}", "bonafide", "large") for n in range(60)]
    clips += [clip(f"b{n}", "bonafide", f"b{n}") for n in range(40)]
    clips += [clip(f"s{n}", "spoof", f"s{n}") for n in range(5)]
    divided = split_by_speaker(clips, seed)
    assert {c.split for c in divided if c.speaker == "large"} == {"train"}
    counts = Counter(c.split for c in divided if c.label == "bonafide")
    assert counts == {"train": 60, "dev": 20, "eval": 20}


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=3, max_size=12), st.randoms()
)
def test_a_label_with_three_speakers_is_in_every_set(sizes, random):
    """Speakers with some bona fide clips, some with spoofs too, some with spoofs alone."""
    clips = []
    for speaker, (bonafide, spoof) in enumerate(sizes):
        bonafide *= random.random() < 0.7
        clips += [clip(f"b{speaker}.{n}", "bonafide", f"p{speaker}") for n in range(bonafide)]
        clips += [clip(f"s{speaker}.{n}", "spoof", f"p{speaker}") for n in range(spoof)]
    found = division(clips)
    for label in ("bonafide", "spoof"):
        if len({c.speaker for c in clips if c.label == label}) >= 3:
            assert all(found[name][label] for name in SETS)


def test_the_division_depends_on_seed_and_not_on_order():
    clips = [
        clip(f"{label}{n}", label, f"{label}{n}")
        for n in range(20)
        for label in ("bonafide", "spoof")
    ]

    def eval_names(clips, seed):
        return {c.name for c in split_by_speaker(clips, seed) if c.split == "eval"}

    assert eval_names(clips, 0) == eval_names(clips[::-1], 0)
    assert eval_names(clips, 0) != eval_names(clips, 1)


def test_facts_become_tables(clips):
    told = [replace(clips[0], facts={"codec": "opus"}), *clips[1:]]
    write_corpus("data", "mine", told)
    tables = validate_data_dir("data/train")
    assert tables["utt2codec"] == {"mine-trainbonafide": "opus", "mine-trainspoof": "-"}


@pytest.mark.parametrize("name", ["attack", "spk", "num_samples", "Codec", "a/b", ""])
def test_a_fact_takes_no_other_tables_place(clips, name):
    told = [replace(clips[0], facts={name: "x"}), *clips[1:]]
    with pytest.raises(FadError, match=f"'{name}' cannot be the name of a fact"):
        write_corpus("data", "mine", told)
    assert not Path("data").exists()


def test_clips_share_what_they_have_in_common():
    """A million of them are a million names, paths and places."""
    one, other = (
        Clip(name, Path(f"{name}.wav"), "spoof", "-".join(["A", "01"]), "s1", "train")
        for name in ("a", "b")
    )
    assert one.attack is other.attack and one.facts is other.facts
    assert isinstance(one.path, str) and not hasattr(one, "__dict__")
