#!/usr/bin/env bash
# The mini corpus: generated speech against its copies through vocoders; see README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

exec ../TEMPLATE/fad.sh \
    --corpus mini \
    --train_set train \
    --dev_set dev \
    --test_sets eval \
    --default_pretrained pretrained/mini_xlsr.pt \
    "$@"
