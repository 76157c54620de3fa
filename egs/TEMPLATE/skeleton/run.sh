#!/usr/bin/env bash
# The recipe of skeleton: ./run.sh --corpus_dir DIR [--config lora] [--pretrained FILE].
[ -n "${BASH_VERSION:-}" ] || { echo "$0: call it as ./run.sh or bash run.sh: it needs bash" >&2; exit 1; }
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

exec ../TEMPLATE/fad.sh \
    --corpus skeleton \
    --train_set train \
    --dev_set dev \
    --test_sets eval \
    --default_pretrained ../mini/pretrained/mini_xlsr.pt \
    "$@"
