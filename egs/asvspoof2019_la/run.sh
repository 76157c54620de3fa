#!/usr/bin/env bash
# ASVspoof 2019 LA: ./run.sh --corpus_dir /corpora/LA --pretrained xlsr2_300m.pt; see README.md.
[ -n "${BASH_VERSION:-}" ] || { echo "$0: call it as ./run.sh or bash run.sh: it needs bash" >&2; exit 1; }
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

exec ../TEMPLATE/fad.sh \
    --corpus asvspoof2019_la \
    --train_set train \
    --dev_set dev \
    --test_sets eval \
    --default_pretrained downloads/xlsr2_300m.pt \
    "$@"
