#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR/..
# Stage 1 for ASVspoof 2019 LA: makes data/{train,dev,eval} from the official release.
#
#     local/data.sh --corpus_dir /corpora/LA
set -euo pipefail

# Options
corpus_dir=          # the release's folder LA, or the one that it is in
check_counts=true    # hold the protocols to the official numbers of trials
allow_missing=false  # go on with the clips that are there
nj=1                 # not used: nothing is decoded here
# End of options

. ../../utils/path.sh
. ../../utils/log.sh
. ../../utils/parse_options.sh

: "$nj"
[[ -n $corpus_dir ]] || die "where is the corpus? Give --corpus_dir /path/to/LA; README.md says how to get it"

python local/prepare.py --corpus_dir "$corpus_dir" --out data \
    --check_counts "$check_counts" --allow_missing "$allow_missing"
log "data/train, data/dev and data/eval are ready"
