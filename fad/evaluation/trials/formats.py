"""The help of `python -m fad.bin.evaluate`: which score files and keys it reads."""

DESCRIPTION = """\
Computes error rates of a score file, made by fad or by any other system, with a key.

Costs and, with --asv_scores, min t-DCF are those of the ASVspoof organisers' programs. So is the
EER, unless both classes have trials of the score at which the error rates cross. Trials of equal
score are one step here, since no threshold separates them; the organisers' value and the span over
all orders of these trials are then printed beside it (eer_organisers_percent in --json). A higher
score means more bona fide. An EER over 50 % gives a warning; no sign is ever flipped. Each trial of
the key must have exactly one score: a missing, extra or repeated score is an error."""

EPILOG = """\
scores (--scores), recognised by their columns:
  utt score                            fad; ASVspoof 2021; SSL_Anti-spoofing
  utt attack label score               ASVspoof 2019; AASIST (no key needed)
  speaker utt attack label score       AASIST for ASVspoof 5; or: speaker utt score label
  utt label score; utt score label     scores of corpora without attacks
  filename<TAB>cm-score                ASVspoof 5 track 1; WeDefense's llr.txt
  ID,Score,Label, Score "[a, b]"       AntiDeepfake: --logits spoof,bonafide --bonafide 1
  ID_audio,label,score_class0,score_class1
                                       DeepFense: --bonafide 1 --columns \\
                                         utt=ID_audio,score=score_class1,label=label
                                       Its score_class0 is 1 - score_class1, no second logit. If it
                                       is not, the file has two logits: --bonafide 1 --columns \\
                utt=ID_audio,spoof_logit=score_class0,bonafide_logit=score_class1,label=label
  Any table with a header, with tabs, commas or spaces: --columns utt=NAME,score=NAME. The score of
  two logits is the logit of bona fide minus that of spoof.

  P(fake), and any score of which higher means a spoof: --higher spoof.

keys (--key), recognised by their columns:
  ASVspoof 2019 protocols (ASVspoof2019.LA.cm.eval.trl.txt); ASVspoof 2021 keys of LA, DF and PA
  (CM/trial_metadata.txt); ASVspoof 5 protocols (ASVspoof5.eval.track_1.tsv) and keys (filename,
  cm-label); `utt label`; a data directory of fad; any table with a header, such as In-the-Wild's
  file,speaker,label. Each further column (attack, codec, phase, ...) becomes a table of results, as
  does a column under a new NAME in --key_columns.

examples:
  python -m fad.bin.evaluate --scores exp/lora/scores/eval --key data/eval
  python -m fad.bin.evaluate --scores RawGAT_ST_add.txt \\
      --asv_scores ASVspoof2019.LA.asv.eval.gi.trl.scores.txt
  python -m fad.bin.evaluate --scores score.txt --key keys/LA/CM/trial_metadata.txt \\
      --asv_scores keys/LA/ASV/ASVTorch_Kaldi/score.txt --asv_key keys/LA/ASV/trial_metadata.txt
  python -m fad.bin.evaluate --scores eval_only.txt --key keys/DF/CM/trial_metadata.txt --phase eval
  python -m fad.bin.evaluate --scores scores.tsv --key ASVspoof5.eval.track_1.tsv --json > out.json
  python -m fad.bin.evaluate --scores scores.csv --columns utt=Clip,score=Real --key meta.csv \\
      --stems --by lang=utt2lang"""
