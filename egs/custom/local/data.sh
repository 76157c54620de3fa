#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR/..
# Stage 1 for any user's data: makes data/{train,dev,eval} from a protocol or from folders.
#
#     local/data.sh --corpus_dir /data/mine
set -euo pipefail

# Options
corpus_dir=  # folder with protocol.tsv, or with bonafide/ and spoof/<attack>/
nj=1         # not used: nothing is decoded here
# End of options

. ../../utils/path.sh
. ../../utils/log.sh
. ../../utils/parse_options.sh

: "$nj"
[[ -n $corpus_dir ]] || die "which data? Give --corpus_dir DIR; README.md shows its two layouts"

python local/prepare.py --corpus_dir "$corpus_dir" --out data
log "data/train, data/dev and data/eval are ready"
