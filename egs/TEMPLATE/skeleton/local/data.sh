#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR/.. source-path=SCRIPTDIR/../..
# Stage 1 for skeleton: makes data/{train,dev,eval}.
#
#     local/data.sh --corpus_dir /corpora/skeleton
set -euo pipefail

# Options
corpus_dir=  # folder of the corpus
nj=1         # for a preparation that takes long; not used so far
# End of options

. ../../utils/path.sh
. ../../utils/log.sh
. ../../utils/parse_options.sh

: "$nj"
[[ -n $corpus_dir ]] || die "where is the corpus? Give --corpus_dir DIR; README.md shows its layout"

python local/prepare.py --corpus_dir "$corpus_dir" --out data
log "data/train, data/dev and data/eval are ready"
