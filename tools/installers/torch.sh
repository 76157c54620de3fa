#!/usr/bin/env bash
# Installs torch, and what the later steps are compiled with, into the virtual environment.
# The CUDA build where there is a GPU, else the CPU-only build where pip finds one.
# TORCH_INDEX names another package index for torch alone.
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
    # pip holds an installed CPU-only build for the same version and would keep it.
    has_cuda_torch || python -m pip uninstall --yes torch
    install "torch==$version"
else
    install "torch==$version+cpu" || install "torch==$version"
fi
install -c "$constraints" numpy cython setuptools wheel

# fairseq was compiled against the torch that was here; the next step compiles it again.
if [[ $(installed_version) != "$before" ]]; then
    python -m pip uninstall --yes fairseq-fixed
fi
