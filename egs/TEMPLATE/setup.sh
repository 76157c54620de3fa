#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# Makes a new recipe that runs at once: egs/TEMPLATE/setup.sh NAME
#
# NAME is the name of a corpus: lower-case letters, digits and _, a letter first.
[ -n "${BASH_VERSION:-}" ] || { echo "$0: call it itself or by bash: it needs bash, not sh" >&2; exit 1; }
set -euo pipefail

template=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
egs=$(dirname "$template")
# shellcheck source=../../utils/log.sh
. "$egs/../utils/log.sh"

if [[ ${1:-} == --help ]]; then
    printf '%s\n' "Usage: egs/TEMPLATE/setup.sh NAME" \
        "Makes egs/NAME from egs/TEMPLATE/skeleton: run.sh, local/prepare.py, README.md."
    exit 0
fi
[[ $# -eq 1 ]] || die "give one argument, the name of the corpus; see --help"
name=$1
[[ $name =~ ^[a-z][a-z0-9_]{0,49}$ ]] \
    || die "'$name' is refused: use lower-case letters, digits and _, a letter first, at most 50"
[[ ! -e $egs/$name ]] || die "egs/$name is there already: choose another name or remove it"

# Made beside and renamed, so that an incomplete recipe is never visible.
part=$egs/.$name.part$$
trap 'rm -rf "$part"' EXIT
cp -R "$template/skeleton" "$part"
find "$part" \( -name data -o -name dump -o -name exp -o -name __pycache__ \) -prune -exec rm -rf {} +
find "$part" -type f -exec sed -i "s/skeleton/$name/g" {} +
mv "$part" "$egs/$name"

cat <<NEXT
egs/$name is made. Next:
  1. cd egs/$name && ./run.sh --corpus_dir DIR
     It runs without changes if DIR has <split>/bonafide/*.wav and <split>/spoof/<attack>/*.wav.
  2. For another layout change read_corpus in local/prepare.py; see egs/TEMPLATE/README.md.
  3. Put what the corpus is, how to get it and your results into README.md.
NEXT
