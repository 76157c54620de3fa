"""The bench of many files: the corpus that it cuts, and what it sees of processes."""

import subprocess
import sys

import numpy as np
import soundfile as sf

from tests.bench.many_files import Watch, cut, sizes, what_runs

ROWS = (
    ("a", "bonafide", "-", "train"),
    ("b", "spoof", "wavenet", "train"),
    ("c", "spoof", "tts", "eval"),
)
HOLDS = """
import sys
files = [open(sys.executable, "rb") for _ in range(20)]
print(flush=True)
sys.stdin.read()
"""


def write_speech(folder):
    lines = ["utt\tpath\tlabel\tattack\tsplit"]
    for utt, label, attack, split in ROWS:
        wav = np.random.default_rng(0).integers(-999, 999, 48_000).astype(np.int16)
        sf.write(folder / f"{utt}.flac", wav, 16_000)
        lines.append("\t".join((utt, f"{utt}.flac", label, attack, split)))
    (folder / "protocol.tsv").write_text("\n".join(lines) + "\n")


def test_pieces_lie_where_the_recipe_looks_for_them(tmp_path):
    write_speech(tmp_path)
    for name in ("one", "again"):
        cut(tmp_path, tmp_path / name, 9)
    one, again = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in files}
        for name in ("one", "again")
        for files in [(tmp_path / name).rglob("*.flac")]
    )
    assert one == again and len(one) == 9
    folders = {"train/bonafide", "train/spoof/wavenet", "eval/spoof/tts"}
    assert {str(path.parent) for path in one} == folders
    seconds = [sf.info(tmp_path / "one" / path).duration for path in one]
    assert 0.5 <= min(seconds) < max(seconds) <= 2
    assert sizes(tmp_path / "one")["files"] == 9


def test_open_files_and_memory_of_a_process_are_seen():
    held = subprocess.Popen(
        [sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    held.stdout.readline()
    watch = Watch()
    watch.look(held.pid)
    held.communicate()
    watch.look(held.pid)
    assert 20 < watch.open_files < 40
    assert 2 < watch.peak_mib < 200


def test_a_program_is_named_by_its_module_or_script():
    assert what_runs(["python", "-m", "fad.bin.train", "--exp", "x"]) == "fad.bin.train"
    assert what_runs(["python", "local/prepare.py"]) == "prepare.py"
    assert what_runs(["/bin/bash"]) == "bash"
