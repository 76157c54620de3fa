#!/usr/bin/env bash
# The mini corpus: generated speech against its copies through vocoders; see README.md.
[ -n "${BASH_VERSION:-}" ] || { echo "$0: call it as ./run.sh or bash run.sh: it needs bash" >&2; exit 1; }
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

exec ../TEMPLATE/fad.sh \
    --corpus mini \
    --train_set train \
    --dev_set dev \
    --test_sets eval \
    --default_pretrained pretrained/mini_xlsr.pt \
    "$@"
