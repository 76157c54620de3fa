#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR/..
# Stage 1 of the mini corpus: makes its audio and data/{train,dev,eval}. Nothing is downloaded.
set -euo pipefail

# Options
nj=1         # not used: one synthesiser speaks in turn
languages=8  # how many of the eight languages: fewer make a smaller corpus
# End of options

. ../../utils/path.sh
. ../../utils/log.sh
. ../../utils/parse_options.sh

: "$nj"
python -c 'import espeakng_loader, pyworld' ||
    die "the mini corpus needs the extra 'demo': run tools/setup.sh"
python local/prepare.py --audio data/audio --out data --languages "$languages"
