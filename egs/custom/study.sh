#!/usr/bin/env bash
# Methods, ranks, target modules, input lengths and seeds side by side; ./study.sh --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

exec ../TEMPLATE/study.sh "$@"
