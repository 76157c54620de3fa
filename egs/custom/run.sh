#!/usr/bin/env bash
# Your own data: ./run.sh --corpus_dir DIR [--config lora] [--pretrained FILE]; see README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

exec ../TEMPLATE/fad.sh \
    --corpus custom \
    --train_set train \
    --dev_set dev \
    --test_sets eval \
    --default_pretrained ../mini/pretrained/mini_xlsr.pt \
    "$@"
