#!/usr/bin/env bash
# ASVspoof 2019 LA: ./run.sh --corpus_dir /corpora/LA --pretrained xlsr2_300m.pt; see README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

exec ../TEMPLATE/fad.sh \
    --corpus asvspoof2019_la \
    --train_set train \
    --dev_set dev \
    --test_sets eval \
    --default_pretrained downloads/xlsr2_300m.pt \
    "$@"
