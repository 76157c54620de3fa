#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# Fake-audio detection in numbered stages: 1 data, 2 dump, 3 train, 4 score, 5 results.
# Called by egs/<corpus>/run.sh, in the recipe's directory.
#
#     ./run.sh                                  # all stages
#     ./run.sh --stage 3 --config lora_r16      # another method on the same dump
#     ./run.sh --stage 4 --config lora --test_sets "eval custom/eval"  # another recipe's dump too
set -euo pipefail

# Options
# [Stages]
stage=1           # first stage to run
stop_stage=5      # last stage to run
skip_train=false  # pass over stage 3: the model is there
# [Data]
corpus=           # name of the corpus, set by run.sh
corpus_dir=       # where the corpus lies, for recipes that need it
data_opts=        # (repeatable) an option for local/data.sh: --data_opts=--allow_missing=true
train_set=train   # set to train on
dev_set=dev       # set that chooses the best epoch, and that calibrates
test_sets="eval"  # sets to score, in quotes; <corpus>/<set> is another recipe's
on_error=stop     # a clip that cannot be read: stop, or skip and list it
# [Model]
pretrained=       # the XLS-R checkpoint: a fairseq file or a Hugging Face folder; for stages 2 and 3
default_pretrained=  # the recipe's own, where --pretrained is not given; set by run.sh
config=lora       # a method of conf/ (aasist, adapter, bitfit, dgsct, dpf, frozen, full,
                  # full_aasist, last, lora, lora_r16, lora_rs, lorta, pela, relora, stochastic,
                  # topk, white_noise), a YAML file, or several joined by +, such as lora+aasist
set=              # (repeatable) key=value over the config, e.g. train.lr=1e-4
plugin=           # (repeatable) your own Python file with a method, back-end, loss or encoder; it is
                  # run by every job (see fad/config/plugins.py)
tag=              # name under exp/; by default the config's and the overrides'
dump=auto         # what to store in stage 2 of the frozen part of the encoder, and to train from: auto,
                  # the deepest that serves the method and fits; none; frontend; block:K; all.
                  # Blocks' outputs of the training set need --set train.crop=first
max_dump_gb=100   # of one set: auto stores less where it would be more, the others refuse
calibrate=true    # stage 4 also scores the dev set and fits exp/<tag>/calibration.json on it, by
                  # which scores are made log-likelihood ratios; test sets' scores stay as they are
score_precision=fp32  # fp32, or int8: stage 4 in 8-bit integers on a CPU, faster and with slightly
                  # other scores
score_compute=1   # of a model of the method stochastic: stage 4 pools time by factors up to this one
# [Machine]
nj=               # jobs of stages 2 and 4, and of a recipe's stage 1 that has any, which do not change
                  # what they make; by default as many as there are CPUs here, 8 at most, or one a GPU
ngpu=0            # GPUs to train on, of each node, one process each; scoring and stage 2's frames take
                  # one a job
nproc=1           # processes that train together on the CPU of each node, without GPUs
num_nodes=1       # machines that train together, where cmd.sh's train_cmd or cuda_cmd has several
# End of options

utils=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../../utils" && pwd)
# shellcheck source=../../utils/path.sh
. "$utils/path.sh"
# shellcheck source=../../utils/log.sh
. "$utils/log.sh"
# shellcheck source=../../utils/parse_options.sh
. "$utils/parse_options.sh"
# shellcheck source=../../utils/plugins.sh
. "$utils/plugins.sh"
# shellcheck source=../../utils/cmd.sh
. "$utils/cmd.sh"

[[ $score_precision == fp32 || $score_precision == int8 ]] ||
    die "--score_precision $score_precision: fp32 or int8"
[[ $score_precision == fp32 || $ngpu == 0 ]] ||
    die "--score_precision $score_precision is for a CPU: stage 4 with --ngpu 0"
[[ $score_compute =~ ^[1-9][0-9]*$ ]] || die "--score_compute $score_compute: give a number from 1 up"
[[ $on_error == stop || $on_error == skip ]] || die "--on_error $on_error: stop or skip"
[[ -n $corpus ]] || die "--corpus is missing: call this through a recipe's run.sh"
[[ $dump =~ ^(auto|none|frontend|all|block:[1-9][0-9]*)$ ]] ||
    die "--dump $dump: give auto, none, frontend, all or block:K such as block:12"
[[ $stage =~ ^[1-5]$ ]] || die "--stage $stage: the stages are 1 to 5"
[[ $stop_stage =~ ^[1-9][0-9]*$ ]] || die "--stop_stage $stop_stage: the stages are 1 to 5"
((stage <= stop_stage)) || die "--stop_stage $stop_stage comes before --stage $stage: nothing to run"
[[ $ngpu =~ ^(0|[1-9][0-9]*)$ ]] || die "--ngpu $ngpu: give a number of GPUs, from 0 up"
cpus=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc) # which goes by them
[[ -n $nj ]] || nj=$((ngpu > 0 ? ngpu : cpus < 8 ? cpus : 8))
[[ $nj =~ ^[1-9][0-9]*$ ]] || die "--nj $nj: give a number of jobs, from 1 up"
[[ $num_nodes =~ ^[1-9][0-9]*$ ]] || die "--num_nodes $num_nodes: give a number of nodes, from 1 up"
[[ $nproc =~ ^[1-9][0-9]*$ ]] || die "--nproc $nproc: give a number of processes, from 1 up"
((ngpu == 0 || nproc == 1)) || die "--nproc $nproc: on GPUs there is one process each: leave it out"

overrides=()
[[ -z $set ]] || mapfile -t overrides <<<"$set"
if [[ -z $tag ]]; then
    tag=
    IFS=+ read -ra parts <<<"$config"
    for part in "${parts[@]}"; do # my/lora.yaml+aasist -> lora+aasist
        part=${part##*/}
        part=${part%.yml}
        tag+=${tag:++}${part%.yaml}
    done
    for override in "${overrides[@]}"; do
        tag+=_${override//[^A-Za-z0-9._=+-]/-}
    done
fi
[[ $tag =~ ^[A-Za-z0-9_][A-Za-z0-9._=+-]*$ ]] ||
    die "--tag '$tag': use letters, digits and . _ = + - only"
exp=exp/$tag
base=${pretrained:-$default_pretrained}

runs() { # whether a stage is asked for
    ((stage <= $1 && $1 <= stop_stage))
}

need() { # file, the stage that makes it
    [[ -e $1 ]] || die "$1 is missing: run stage $2 first (--stage $2)"
}

need_dump() { # name of a set; a slash names another recipe's
    local file
    file=$(audio_dir "$1")/wav.scp
    [[ $1 == */* ]] || need "$file" 2
    [[ -e $file ]] || die "$file is missing: run stage 2 of egs/${1%%/*} first"
}

need_base() {
    [[ -n $base ]] || die "which encoder? Give --pretrained, e.g. xlsr2_300m.pt (tools/download_xlsr.sh fetches it)"
    [[ -e $base ]] || die "--pretrained $base: no such file or folder; tools/download_xlsr.sh fetches" \
        "fairseq's files, 'hf download NAME --local-dir DIR' those of the Hugging Face Hub"
}

audio_dir() { # name of a set -> its dump; a slash names another recipe
    case $1 in
        */*) echo "../${1%%/*}/dump/audio/${1#*/}" ;;
        *) echo "dump/audio/$1" ;;
    esac
}

jobs_for() { # dump of a set -> jobs, never more than utterances
    local utts
    utts=$(wc -l <"$1/wav.scp")
    echo $((utts < nj ? utts : nj))
}

keep_log() { # x.log -> x.1.log, x.2.log, ...: training goes on where an earlier run has logged
    local number=1
    [[ -e $1 ]] || return 0
    while [[ -e ${1%.log}.$number.log ]]; do ((number += 1)); done
    mv "$1" "${1%.log}.$number.log"
}

# Locks are kept by this run and inherited by its jobs, until the last of them has ended. What was
# killed may have left readers of data, which need some seconds to see it.
locks=()
hold_alone() { # directory
    local file=$1/.run.lock
    mkdir -p "$1"
    { : >>"$file"; } 2>/dev/null || die "$1 cannot be written: change its owner or mode, or make room"
    exec {lock}<>"$file"
    locks+=("$lock")
    flock --exclusive --wait 8 "$lock" ||
        die "$1 is in use by another run or by jobs that it left (the last to write there was" \
            "$(cat "$file")): wait for its end, or end it"
    echo "run.sh, process $$ on $(hostname), since $(date +%FT%T)" 2>/dev/null >"$file" || true
}

hold_shared() { # directory: as long as it is read, nothing may write there
    local file=$1/.run.lock
    # Where nobody may write there is nothing to hold.
    [[ -e $file ]] || { : >>"$file"; } 2>/dev/null || return 0
    exec {lock}<"$file"
    locks+=("$lock")
    flock --shared --wait 8 "$lock" ||
        die "$1 is being written by $(cat "$file") or by jobs that it left: wait for its end"
}

release() { # all that is held
    local lock
    for lock in "${locks[@]}"; do
        exec {lock}>&-
    done
    locks=()
}

# The sets of this recipe, each once; one for testing alone has --train_set "" and --dev_set "".
declare -A seen=()
own_sets=()
read -ra tests <<<"$test_sets"
for name in "$train_set" "$dev_set" "${tests[@]}"; do
    [[ -n $name && $name != */* && -z ${seen[$name]:-} ]] || continue
    seen[$name]=1
    own_sets+=("$name")
done

check_config() { # before anything that takes long
    local override args=(--config "$config")
    for override in "${overrides[@]}"; do
        args+=(--set "$override")
    done
    python -m fad.bin.show_config "${args[@]}" >/dev/null
}

make_data() { # stage 1
    local name extra data_args=(--nj "$nj")
    log "stage 1: data of $corpus"
    [[ -z $corpus_dir ]] || data_args+=(--corpus_dir "$corpus_dir")
    if [[ -n $data_opts ]]; then
        mapfile -t extra <<<"$data_opts"
        data_args+=("${extra[@]}")
    fi
    local/data.sh "${data_args[@]}"
    for name in "${own_sets[@]}"; do
        python -m fad.bin.validate_data_dir "data/$name"
    done
}

dump_sets() { # stage 2
    local name jobs args failed=()
    log "stage 2: dump audio of ${own_sets[*]}"
    for name in "${own_sets[@]}"; do
        need "data/$name/wav.scp" 1
        jobs=$(jobs_for "data/$name")
        args=(python -m fad.bin.dump_audio --data "data/$name" --out "dump/audio/$name"
            --nj "$jobs")
        "${dump_cmd[@]}" "JOB=1:$jobs" "dump/audio/$name/log/dump.JOB.log" "${args[@]}" --job JOB
    done
    for name in "${own_sets[@]}"; do # after all jobs, so that the bad clips of all sets are listed
        python -m fad.bin.dump_audio --data "data/$name" --out "dump/audio/$name" \
            --nj "$(jobs_for "data/$name")" --combine true --on_error "$on_error" || failed+=("$name")
    done
    ((${#failed[@]} == 0)) || die "stage 2: no dump of ${failed[*]}: see above"
    [[ $dump == none || -z $train_set ]] || {
        need_base
        log "stage 2: dump what is frozen of the encoder for $train_set and $dev_set"
        dump_frozen "$train_set" train
        dump_frozen "$dev_set" dev
    }
}

dump_frozen() { # name of a set, what it is for: train or dev
    local override args jobs launch=("${dump_cmd[@]}")
    jobs=$(jobs_for "dump/audio/$1")
    args=(python -m fad.bin.dump_frames --config "$config" --pretrained "$base" --name "$1"
        --use "$2" --dump "$dump" --max_dump_gb "$max_dump_gb" --ngpu "$((ngpu > 0))" --nj "$jobs")
    for override in "${overrides[@]}"; do
        args+=(--set "$override")
    done
    ((ngpu == 0)) || launch+=(--gpu 1)
    "${launch[@]}" "JOB=1:$jobs" "dump/log/frames_$1.JOB.log" "${args[@]}" --job JOB
    "${args[@]}" --combine true
}

train() { # stage 3
    [[ -n $train_set && -n $dev_set ]] ||
        die "$corpus has no --train_set or no --dev_set: it is for testing alone"
    need_base
    need_dump "$train_set"
    need_dump "$dev_set"
    local override args launch processes=$((ngpu > 0 ? ngpu : nproc)) # on each node
    log "stage 3: train $config, to $exp"
    args=(--config "$config" --pretrained "$base" --exp "$exp" --ngpu "$((ngpu * num_nodes))"
        --train_set "$train_set" --dev_set "$dev_set" --dump "$dump")
    for override in "${overrides[@]}"; do
        args+=(--set "$override")
    done
    launch=("${train_cmd[@]}")
    ((ngpu == 0)) || launch=("${cuda_cmd[@]}" --gpu "$ngpu")
    ((num_nodes == 1)) || launch+=(--num_nodes "$num_nodes")
    launch+=("$exp/train.log")
    if ((processes * num_nodes == 1)); then
        launch+=(python)
    else
        launch+=(launch.py --num_nodes "$num_nodes" --nproc_per_node "$processes")
    fi
    keep_log "$exp/train.log"
    "${launch[@]}" -m fad.bin.train "${args[@]}"
}

score() { # stage 4
    local name
    need "$exp/best.safetensors" 3
    for name in "${tests[@]}"; do
        need_dump "$name"
    done
    [[ $calibrate == false || -z $dev_set ]] || need_dump "$dev_set"
    for name in "${tests[@]}"; do
        score_set "$name"
    done
    [[ $calibrate == false || -z $dev_set ]] || fit_calibration
}

score_set() { # name of a set
    local audio jobs args launch
    audio=$(audio_dir "$1")
    log "stage 4: score $1 with $exp"
    jobs=$(jobs_for "$audio")
    args=(python -m fad.bin.score_set --model "$exp" --audio "$audio"
        --out "$exp/scores/$1" --ngpu "$((ngpu > 0))" --nj "$jobs" --precision "$score_precision")
    ((score_compute == 1)) || args+=(--compute "$score_compute")
    # A model knows its own encoder; an explicit one is where that file is now.
    [[ -z $pretrained ]] || args+=(--pretrained "$pretrained")
    launch=("${score_cmd[@]}")
    ((ngpu == 0)) || launch+=(--gpu 1)
    "${launch[@]}" "JOB=1:$jobs" "$exp/log/score_${1//\//_}.JOB.log" "${args[@]}" --job JOB
    "${args[@]}" --combine true
}

is_scored() { # name of a set: by the weights that are there now, in this manner, after its dump
    local noted manner=$score_precision record=$exp/scores/$1.weights.sha256
    [[ -f $record ]] || return 1
    ((score_compute == 1)) || manner+=-compute$score_compute
    noted=$(sed -n 's/^# precision //p' "$record")
    [[ $exp/scores/$1 -nt $(audio_dir "$1")/wav.scp && ${noted:-fp32} == "$manner" ]] &&
        (cd "./$exp" && sha256sum --check --status "scores/$1.weights.sha256") 2>/dev/null
}

fit_calibration() { # a second's work, so it is done again where only scoring need not be
    is_scored "$dev_set" || score_set "$dev_set"
    log "stage 4: calibrate $exp on $dev_set"
    python -m fad.bin.calibrate --model "$exp" --scores "$exp/scores/$dev_set" \
        --labels "$(audio_dir "$dev_set")/utt2label" --out "$exp/calibration.json"
}

results() { # stage 5
    local name audio args
    log "stage 5: results of $exp"
    need "dump/audio/$train_set/utt2attack" 2
    args=(--exp "$exp" --train_data "dump/audio/$train_set")
    for name in "${tests[@]}"; do
        need "$exp/scores/$name" 4
        audio=$(audio_dir "$name")
        args+=(--test "$name=$audio")
        [[ ! -f $audio/asv_scores ]] || args+=(--asv_scores "$name=$audio/asv_scores")
    done
    python -m fad.bin.results "${args[@]}"
    log "done: $exp/RESULTS.md, report.html, results.json and plots; all systems: exp/report.html"
}

# In a function, so that all of it is read before anything runs: this file may then be edited.
main() {
    local name
    if runs 2 || runs 3; then check_config; fi
    if runs 1; then
        hold_alone data
        make_data
        release
    fi
    if runs 2; then
        hold_shared data
        hold_alone dump
        dump_sets
        release
    fi
    ((stop_stage >= 3)) || exit 0
    hold_shared dump
    for name in "${tests[@]}"; do
        [[ $name != */* ]] || hold_shared "../${name%%/*}/dump"
    done
    ((stage <= 3)) || need "$exp/best.safetensors" 3
    hold_alone "$exp"
    if runs 3 && [[ $skip_train == false ]]; then train; fi
    if runs 4; then score; fi
    if runs 5; then results; fi
    exit 0
}

main
