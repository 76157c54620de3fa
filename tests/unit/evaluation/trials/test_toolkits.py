"""A file in the format of each toolkit that the help of `evaluate` names, read as the help says.

The formats are those of the programs that write or read them: `produce_evaluation_file` of
SSL_Anti-spoofing, of AASIST and of the baseline of ASVspoof 5, ASVspoof 5's evaluation package,
WeDefense's logits_to_llr.py, AntiDeepfake's evaluation.py, and DeepFense's `test` command.
"""

import shlex

import pytest

from fad.bin.evaluate import get_parser
from fad.evaluation.trials.formats import EPILOG
from fad.evaluation.trials.reading import read_files

LABELS = {"u1": "spoof", "u2": "bonafide"}
ATTACKS = {"attack": {"u1": "A07", "u2": "-"}}
SPEAKERS = {"speaker": {"u1": "LA_0007", "u2": "LA_0015"}}
BASELINE = "LA_0007 u1 A07 spoof -2.5\nLA_0015 u2 bonafide bonafide 6.75\n"

# By toolkit: the file, its options, the scores, the labels, further columns.
FILES = {
    "SSL_Anti-spoofing": ("u1 -2.5\nu2 6.75\n", "", (-2.5, 6.75), None, {}),
    "AASIST (no key": (
        "u1 A07 spoof -2.5\nu2 - bonafide 6.75\n",
        "",
        (-2.5, 6.75),
        LABELS,
        ATTACKS,
    ),
    "AASIST for ASVspoof 5": (BASELINE, "", (-2.5, 6.75), LABELS, ATTACKS | SPEAKERS),
    "speaker utt score label": (
        *("LA_0007 u1 -2.5 spoof\nLA_0015 u2 6.75 bonafide\n", ""),
        *((-2.5, 6.75), LABELS, SPEAKERS),
    ),
    "ASVspoof 5 track 1": ("filename\tcm-score\nu1\t-2.5\nu2\t6.75\n", "", (-2.5, 6.75), None, {}),
    "WeDefense's llr.txt": (
        *("filename\tcm-score\nu1\t-2.5000001\nu2\t6.75\n", ""),
        *((-2.5000001, 6.75), None, {}),
    ),
    # The pair is [fake, real], and 1 is real.
    "AntiDeepfake": (
        'ID,Score,Label\nu1,"[3.5, -3.25]",0\nu2,"[-3.75, 3.75]",1\n',
        "--logits spoof,bonafide --bonafide 1",
        *((-6.75, 7.5), LABELS, {}),
    ),
    # Its score is one number a clip, s for class 1, and 1 - s is written for class 0.
    "DeepFense": (
        "ID_audio,label,score_class0,score_class1\n"
        "u1,0,3.50000000,-2.50000000\nu2,1,-5.75000000,6.75000000\n",
        "--bonafide 1 --columns utt=ID_audio,score=score_class1,label=label",
        *((-2.5, 6.75), LABELS, {}),
    ),
    # A loss that gives a row of two logits has both written.
    "two logits": (
        "ID_audio,label,score_class0,score_class1\n"
        "u1,0,1.50000000,-2.50000000\nu2,1,-0.25000000,6.75000000\n",
        "--bonafide 1 --columns "
        "utt=ID_audio,spoof_logit=score_class0,bonafide_logit=score_class1,label=label",
        *((-4.0, 7.0), LABELS, {}),
    ),
    "P(fake)": ("u1 0.875\nu2 0.25\n", "--higher spoof", (-0.875, -0.25), None, {}),
}


@pytest.mark.parametrize("toolkit", FILES)
def test_each_toolkits_file_is_read_as_the_help_says(tmp_path, toolkit):
    text, options, scores, labels, columns = FILES[toolkit]
    (tmp_path / "scores").write_text(text)
    args = get_parser().parse_args(["--scores", str(tmp_path / "scores"), *shlex.split(options)])
    (file,) = read_files(args, [args.scores])
    assert file.scores == pytest.approx(dict(zip(("u1", "u2"), scores, strict=True)), abs=1e-12)
    assert file.labels == labels and file.columns == columns
    said = " ".join(EPILOG.replace("\\", " ").split())
    assert toolkit in said and options in said
