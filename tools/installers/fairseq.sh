#!/usr/bin/env bash
# Compiles and installs fairseq, from the fork that builds and imports on Python 3.11.
# Training and scoring with the running encoder do not need it; pre-training and parity tests do.
set -euo pipefail
# shellcheck source=utils/path.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../utils/path.sh"

# Build isolation would fetch a second torch of several GB. With CUDA_HOME set, fairseq would also
# compile GPU kernels for translation, which nothing here uses and which need a matching nvcc. From
# its cache, pip might take a build that was compiled against another torch.
env -u CUDA_HOME python -m pip install --no-build-isolation --no-cache-dir \
    -c "$FAD_ROOT/tools/constraints.txt" fairseq-fixed

python -c 'from fairseq.models.wav2vec import Wav2Vec2Model'
