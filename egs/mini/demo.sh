#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# The demo: frozen, lora and full on the mini corpus, then one table. About 10 minutes on 2 cores.
#
#     ./demo.sh                # all of it; what is done already is not done again
#     ./demo.sh --epochs 20    # longer, in place of a demo that is there: remove exp/demo_* first
[ -n "${BASH_VERSION:-}" ] || { echo "$0: call it itself or by bash: it needs bash, not sh" >&2; exit 1; }
set -euo pipefail

# Options
epochs=10  # of each method, at most
nj=2       # jobs of dumping and scoring
# End of options

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../../utils/path.sh
. "$here/../../utils/path.sh"
# shellcheck source=../../utils/parse_options.sh
. "$here/../../utils/parse_options.sh"
cd "$here"

# The mini encoder has 2.4 million parameters where XLS-R has 317, and takes larger steps.
declare -A lr=([frozen]=1e-2 [lora]=1e-2 [full]=1e-3)

[[ -f data/eval/wav.scp ]] || ./run.sh --stage 1 --stop_stage 1
[[ -f dump/frontend-mini_xlsr/dev/encoder.json ]] || ./run.sh --stage 2 --stop_stage 2 --nj "$nj"
for method in frozen lora full; do
    ./run.sh --stage 3 --nj "$nj" --config "$method" --tag "demo_$method" \
        --set "train.epochs=$epochs" --set train.batch_size=8 --set "train.lr=${lr[$method]}"
done

python -m fad.bin.show_results --sort trainable
cat <<END

Seen: EER on the attacks (vocoders) that training had; unseen: on the two that it had not.
Scores, RESULTS.md with every attack, and DET plots: $PWD/exp/demo_{frozen,lora,full}
Score a file of your own:
    . utils/path.sh && python -m fad.bin.score --model egs/mini/exp/demo_lora FILE
END
