#!/usr/bin/env bash
# Installs torch, and the packages that later steps compile with, into the virtual environment.
# It takes the CUDA build if there is a GPU, else the CPU-only build if pip finds one.
# TORCH_INDEX names another package index, for torch only.
set -euo pipefail
# shellcheck source=utils/path.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../utils/path.sh"

constraints=$FAD_ROOT/tools/constraints.txt
version=$(sed -n 's/^torch==//p' "$constraints")

install() {
    python -m pip install "$@"
}

has_cuda_torch() {
    python -c 'import sys, torch; sys.exit(torch.version.cuda is None)' 2>/dev/null
}

installed_version() {
    python -m pip show torch 2>/dev/null | sed -n 's/^Version: //p'
}

before=$(installed_version || true)
if [[ -n ${TORCH_INDEX:-} ]]; then
    install --index-url "$TORCH_INDEX" "torch==$version"
elif nvidia-smi -L >/dev/null 2>&1; then
    # pip treats an installed CPU-only build as the same version and would keep it.
    has_cuda_torch || python -m pip uninstall --yes torch
    install "torch==$version"
else
    install "torch==$version+cpu" || install "torch==$version"
fi
install -c "$constraints" numpy cython setuptools wheel

# fairseq was compiled against the old torch; the next step compiles it again.
if [[ $(installed_version) != "$before" ]]; then
    python -m pip uninstall --yes fairseq-fixed
fi
