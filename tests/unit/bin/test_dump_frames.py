"""`fad.bin.dump_frames`: frames by jobs, kept where they are there, refused where too large."""

import logging
import shutil

import pytest

from fad.bin import dump_frames
from fad.utils.errors import FadError


@pytest.fixture
def dump(tiny_dump, tmp_path):
    shutil.copytree(tiny_dump / "audio", tmp_path / "dump" / "audio")
    return tmp_path / "dump"


@pytest.fixture
def options(dump, mini_file):
    paths = ["--dump_dir", str(dump), "--pretrained", str(mini_file)]
    return ["--config", "lora", *paths, "--name", "train"]


def content(directory) -> dict:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_jobs_and_their_joining_make_a_dump_that_is_kept(options, dump, caplog):
    for job in ("1", "2"):
        dump_frames.main([*options, "--nj", "2", "--job", job])
    dump_frames.main([*options, "--nj", "2", "--combine", "true"])
    out = dump / "frontend-mini" / "train"
    made = content(out)
    arks = [f"feats.{number:05d}.ark" for number in range(1, 9)]
    assert sorted(made) == ["encoder.json", *arks, "feats.scp"]
    with caplog.at_level(logging.INFO):
        dump_frames.main(options)
    assert "there already" in caplog.text
    assert content(out) == made


def test_only_a_job_that_encodes_needs_the_gpu(options, dump, monkeypatch):
    """On a login node without one the parts are joined, and what is stored is known."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    gpu = [*options, "--ngpu", "1"]
    with pytest.raises(FadError, match="torch finds no GPU here"):
        dump_frames.main(gpu)
    dump_frames.main(options)
    dump_frames.main([*gpu, "--combine", "true"])
    assert (dump / "frontend-mini" / "train" / "encoder.json").exists()
    dump_frames.main([*gpu, "--is_done", "true"])


def test_a_method_that_tunes_the_frontend_gets_none(options, dump, caplog):
    options[1] = "full"
    with caplog.at_level(logging.INFO):
        dump_frames.main(options)
    assert "train at none: nothing is stored of it" in caplog.text
    assert not (dump / "frontend-mini").exists()


def test_more_than_is_allowed_is_refused_before_it_is_written(options, dump):
    few = ["--max_dump_gb", "0.00001"]
    with pytest.raises(FadError, match="over --max_dump_gb 1e-05; raise it, or give --dump auto"):
        dump_frames.main([*options, *few, "--dump", "frontend"])
    dump_frames.main([*options, *few])  # auto goes without
    assert not (dump / "frontend-mini").exists()


def test_another_pretrained_file_of_the_same_name_is_refused(options, dump, tmp_path):
    from tests.helpers.released import MINI, write_random_checkpoint

    dump_frames.main(options)
    dump_frames.main([*options, "--combine", "true"])
    (tmp_path / "new").mkdir()
    other = write_random_checkpoint(tmp_path / "new" / "mini.pt", MINI, seed=5)
    with pytest.raises(FadError, match=r"another pre-trained file.*remove it"):
        dump_frames.main([*options, "--pretrained", str(other)])


def test_a_set_without_audio_names_the_stage(options):
    with pytest.raises(FadError, match="missing or not complete: run stage"):
        dump_frames.main([*options, "--name", "none"])
