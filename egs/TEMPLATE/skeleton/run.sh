#!/usr/bin/env bash
# The recipe of skeleton: ./run.sh --corpus_dir DIR [--config lora] [--pretrained FILE].
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

exec ../TEMPLATE/fad.sh \
    --corpus skeleton \
    --train_set train \
    --dev_set dev \
    --test_sets eval \
    --default_pretrained ../mini/pretrained/mini_xlsr.pt \
    "$@"
