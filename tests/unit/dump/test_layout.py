"""What is stored is named and described by the encoder, the boundary and the audio."""

from fad.dump import layout as stored
from fad.dump.layout import Stored

FRONTEND = Stored(0, 32, None, "float32")
ABOUT = {
    "pretrained": "mini",
    "sha256": "ab" * 32,
    "boundary": "frontend",
    "crop_frames": None,
    "dtype": "float32",
    "audio": "12" * 32,
}


def test_the_description_names_the_file_and_the_audio():
    assert stored.description("where/mini.pt", "ab" * 32, FRONTEND, "12" * 32) == ABOUT
    block = stored.description("mini.pt", "ab" * 32, Stored(12, 48, 201, "float16"), "34" * 32)
    assert block == {
        **ABOUT,
        "boundary": "block:12",
        "crop_frames": 201,
        "dtype": "float16",
        "audio": "34" * 32,
    }


def test_the_directory_is_named_after_boundary_and_file(tmp_path):
    found = stored.dump_dir(tmp_path, "some/where/xlsr2_300m.pt", FRONTEND, "asvspoof2021_df/eval")
    assert found == tmp_path / "frontend-xlsr2_300m" / "asvspoof2021_df" / "eval"
    assert stored.dump_dir(tmp_path, "x.pt", Stored(7, 48, 201, "float16"), "eval") == (
        tmp_path / "block7-first201-float16-x" / "eval"
    )


def test_a_hugging_face_model_is_named_by_its_folder_whole(tmp_path, monkeypatch):
    model = tmp_path / "wav2vec2.0-x"
    model.mkdir()
    given = [model, f"{model}/", model / "model.safetensors", model / "pytorch_model.bin"]
    given += [model / "model.safetensors.index.json", f"{model}/../wav2vec2.0-x"]
    names = {stored.dump_dir(tmp_path, path, FRONTEND, "dev").parent.name for path in given}
    monkeypatch.chdir(model)
    names |= {stored.dump_dir(tmp_path, path, FRONTEND, "dev").parent.name for path in (".", "./")}
    assert names == {"frontend-wav2vec2.0-x-hf"}
    # fairseq's file of the same name is another model's, perhaps
    file = stored.dump_dir(tmp_path, f"{model}.pt", FRONTEND, "dev").parent.name
    assert file == "frontend-wav2vec2.0-x"
