#!/usr/bin/env bash
# Installs torchaudio and checks that it resamples.
set -euo pipefail
# shellcheck source=utils/path.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../utils/path.sh"

resamples() {
    python -c '
import torch, torchaudio
half = torchaudio.functional.resample(torch.ones(1, 1600), 16000, 8000)
assert half.shape == (1, 800), half.shape'
}

torch_has_cuda() {
    python -c 'import sys, torch; sys.exit(torch.version.cuda is None)'
}

python -m pip install -c "$FAD_ROOT/tools/constraints.txt" torchaudio

# Its compiled extension needs CUDA libraries and does not load with a CPU-only torch. Without the
# extension, resampling, filters and filter banks run in plain torch.
if ! torch_has_cuda && ! resamples; then
    library=$(python -c '
import importlib.util
print(importlib.util.find_spec("torchaudio").submodule_search_locations[0])')/lib
    echo "removing the compiled extension in $library"
    rm -f "$library"/*.so
fi
resamples
