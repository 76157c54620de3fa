#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# Fake-audio detection in numbered stages: 1 data, 2 dump, 3 train, 4 score, 5 results.
# egs/<corpus>/run.sh calls this in the recipe's directory.
#
#     ./run.sh                                  # all stages
#     ./run.sh --stage 3 --config lora_r16      # another method on the same dump
#     ./run.sh --stage 4 --config lora --test_sets "eval custom/eval"  # also another recipe's dump
set -euo pipefail

# Options
# [Stages]
stage=1           # first stage to run
stop_stage=5      # last stage to run
skip_train=false  # skip stage 3: the model is already trained
# [Data]
corpus=           # name of the corpus, set by run.sh
corpus_dir=       # folder of the corpus, for recipes that need it
data_opts=        # (repeatable) an option for local/prepare.py: --data_opts=--allow_missing=true
train_set=train   # set to train on
dev_set=dev       # set that chooses the best epoch and fits the calibration
test_sets="eval"  # sets to score, in quotes; <corpus>/<set> is a set of another recipe
on_error=stop     # for a clip that cannot be read: stop, or skip and list it
# [Model]
pretrained=       # the XLS-R checkpoint: a fairseq file or a Hugging Face folder; for stages 2 and 3
default_pretrained=  # the recipe's own checkpoint, used without --pretrained; set by run.sh
config=lora       # a method or a part of conf/ (aasist, adapter, bitfit, dgsct, dpf, frozen, full,
                  # full_aasist, last, lora, lora_r16, lora_rs, lorta, pela, relora, stochastic,
                  # topk, white_noise), a YAML file, or several joined by +, such as lora+aasist
set=              # (repeatable) key=value over the config, e.g. train.lr=1e-4
plugin=           # (repeatable) your own Python file with a method, back-end, loss or encoder; every
                  # job runs it (see fad/config/plugins.py)
tag=              # name under exp/; by default made from the config and the overrides
dump=auto         # outputs of the encoder's frozen part that stage 2 stores and training reads: auto
                  # (the deepest that the method can use and that fit), none, frontend, block:K, all.
                  # Blocks' outputs of the training set need --set train.crop=first
max_dump_gb=100   # limit for one set: auto stores less than it could, other values of --dump fail
calibrate=true    # stage 4 also scores the dev set and fits exp/<tag>/calibration.json on it, which
                  # turns scores into log-likelihood ratios; the test sets' scores do not change
score_precision=fp32  # fp32, or int8: stage 4 in 8-bit integers on a CPU, faster, with slightly
                  # different scores
score_compute=1   # for the method stochastic: stage 4 pools time by factors up to this one
# [Machine]
nj=               # jobs of stages 2 and 4, and of stage 1 in recipes that have jobs there; the results
                  # do not depend on it. By default the number of CPUs, at most 8, or of GPUs
ngpu=0            # GPUs of each node to train on, one process each; in scoring and stage 2's frames
                  # each job uses one
nproc=1           # processes on each node that train together on the CPU, without GPUs
num_nodes=1       # machines that train together, if cmd.sh's train_cmd or cuda_cmd supports several
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
# shellcheck source=../../utils/sets.sh
. "$utils/sets.sh"
# shellcheck source=../../utils/locks.sh
. "$utils/locks.sh"

# In a function, so that bash reads all of it before anything runs: this file may then be edited.
main() {
    local name audio jobs args launch override own tests exp pretrained_file
    local overrides=() config_args=(--config "$config") unchanged=false todo=() failed=()

    if [[ -z $nj ]]; then
        nj=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc) # nproc would obey these two
        nj=$((nj < 8 ? nj : 8))
        [[ $ngpu == 0 ]] || nj=$ngpu
    fi
    [[ -z $set ]] || mapfile -t overrides <<<"$set"
    for override in "${overrides[@]}"; do
        config_args+=(--set "$override")
    done
    tag=$(python -m fad.bin.check_options --corpus="$corpus" --stage="$stage" \
        --stop_stage="$stop_stage" "${config_args[@]}" --tag="$tag" --dump="$dump" \
        --on_error="$on_error" --score_precision="$score_precision" \
        --score_compute="$score_compute" --nj="$nj" --ngpu="$ngpu" --nproc="$nproc" \
        --num_nodes="$num_nodes")
    if ((stage <= 3 && stop_stage >= 2)); then
        python -m fad.bin.show_config "${config_args[@]}" >/dev/null # finds errors early
    fi
    exp=exp/$tag
    pretrained_file=${pretrained:-$default_pretrained}
    read -ra tests <<<"$test_sets"
    # A recipe only for testing has --train_set "" and --dev_set "".
    mapfile -t own < <(own_sets "$train_set" "$dev_set" "${tests[@]}")

    # ==================== Stage 1: data ====================
    if ((stage <= 1 && stop_stage >= 1)); then
        hold_alone data
        log "stage 1: data of $corpus"
        args=(--nj "$nj")
        [[ -z $corpus_dir ]] || args+=(--corpus_dir "$corpus_dir")
        if [[ -n $data_opts ]]; then
            mapfile -t -O "${#args[@]}" args <<<"$data_opts"
        fi
        if [[ -e local/data.sh ]]; then # only if a recipe has more to do than prepare.py
            local/data.sh "${args[@]}"
        else
            python local/prepare.py --out data "${args[@]}"
        fi
        for name in "${own[@]}"; do
            python -m fad.bin.validate_data_dir "data/$name"
        done
        release
    fi

    # ==================== Stage 2: dump ====================
    if ((stage <= 2 && stop_stage >= 2)); then
        hold_shared data
        hold_shared dump # a run that only reads may stand beside others
        if stage_2_is_done; then
            log "stage 2: nothing has changed"
            unchanged=true
        fi
        release
    fi
    if ((stage <= 2 && stop_stage >= 2)) && [[ $unchanged == false ]]; then
        hold_shared data
        hold_alone dump
        for name in "${own[@]}"; do
            need "data/$name/wav.scp" 1
            is_dumped "$name" || todo+=("$name")
        done
        log "stage 2: dump audio of ${todo[*]:-no set: it has not changed}"
        for name in "${todo[@]}"; do
            jobs=$(jobs_for "data/$name" "$nj")
            "${dump_cmd[@]}" "JOB=1:$jobs" "dump/audio/$name/log/dump.JOB.log" \
                python -m fad.bin.dump_audio --data "data/$name" --out "dump/audio/$name" \
                --nj "$jobs" --job JOB
        done
        for name in "${todo[@]}"; do # after all jobs, to list the bad clips of all sets
            python -m fad.bin.dump_audio --data "data/$name" --out "dump/audio/$name" \
                --nj "$(jobs_for "data/$name" "$nj")" --combine true --on_error "$on_error" ||
                failed+=("$name")
        done
        ((${#failed[@]} == 0)) || die "stage 2: no dump of ${failed[*]}: see above"
        if [[ $dump != none && -n $train_set ]]; then
            need_pretrained "$pretrained_file"
            log "stage 2: dump outputs of the encoder's frozen part for $train_set and $dev_set"
            dump_frozen "$train_set" train
            dump_frozen "$dev_set" dev
        fi
        release
    fi

    ((stop_stage >= 3)) || exit 0
    hold_shared dump
    for name in "${tests[@]}"; do
        [[ $name != */* ]] || hold_shared "../${name%%/*}/dump"
    done
    ((stage <= 3)) || need "$exp/best.safetensors" 3
    hold_run "$exp"

    # Stages 3 and 4 read the dump: it must be of the data as they are now.
    if ((stage > 2 && stage <= 4)); then
        for name in "${own[@]}"; do
            check_dumped "$name"
        done
    fi

    # ==================== Stage 3: train ====================
    if ((stage <= 3 && stop_stage >= 3)) && [[ $skip_train == false ]]; then
        [[ -n $train_set && -n $dev_set ]] ||
            die "$corpus has no --train_set or no --dev_set: it is only for testing"
        need_pretrained "$pretrained_file"
        need_dump "$train_set"
        need_dump "$dev_set"
        log "stage 3: train $config, to $exp"
        launch=("${train_cmd[@]}")
        ((ngpu == 0)) || launch=("${cuda_cmd[@]}" --gpu "$ngpu")
        ((num_nodes == 1)) || launch+=(--num_nodes "$num_nodes")
        launch+=("$exp/train.log")
        jobs=$((ngpu > 0 ? ngpu : nproc)) # processes of each node
        if ((jobs * num_nodes == 1)); then
            launch+=(python)
        else
            launch+=(launch.py --num_nodes "$num_nodes" --nproc_per_node "$jobs")
        fi
        keep_log "$exp/train.log"
        "${launch[@]}" -m fad.bin.train --pretrained "$pretrained_file" --exp "$exp" \
            --ngpu "$((ngpu * num_nodes))" --train_set "$train_set" --dev_set "$dev_set" \
            --dump "$dump" "${config_args[@]}"
    fi

    # ==================== Stage 4: score ====================
    if ((stage <= 4 && stop_stage >= 4)); then
        [[ $calibrate == true && -n $dev_set ]] || calibrate=false
        need "$exp/best.safetensors" 3
        for name in "${tests[@]}"; do
            need_dump "$name"
        done
        [[ $calibrate == false ]] || need_dump "$dev_set"
        for name in "${tests[@]}"; do
            score "$name"
        done
        if [[ $calibrate == true ]]; then
            score "$dev_set"
            log "stage 4: calibrate $exp on $dev_set"
            python -m fad.bin.calibrate --model "$exp" --scores "$exp/scores/$dev_set" \
                --labels "$(audio_dir "$dev_set")/utt2label" --out "$exp/calibration.json"
        fi
    fi

    # ==================== Stage 5: results ====================
    if ((stage <= 5 && stop_stage >= 5)); then
        log "stage 5: results of $exp"
        args=(--exp "$exp")
        for name in "${tests[@]}"; do
            need "$exp/scores/$name" 4
            audio=$(audio_dir "$name")
            args+=(--test "$name=$audio")
            [[ ! -f $audio/asv_scores ]] || args+=(--asv_scores "$name=$audio/asv_scores")
        done
        python -m fad.bin.results "${args[@]}"
        log "done: $exp/RESULTS.md, report.html, results.json and plots; all systems: exp/report.html"
    fi
    exit 0
}

dump_frozen() { # set, its use: train or dev
    local launch=("${dump_cmd[@]}")
    dump_frames_of "$1" "$2"
    if finished "${frames_args[@]}" --is_done true; then
        return
    fi
    ((ngpu == 0)) || launch+=(--gpu 1)
    "${launch[@]}" "JOB=1:$(jobs_for "dump/audio/$1" "$nj")" "dump/log/frames_$1.JOB.log" \
        "${frames_args[@]}" --ngpu "$((ngpu > 0))" --job JOB
    "${frames_args[@]}" --combine true
}

stage_2_is_done() { # it only reads
    local name
    for name in "${own[@]}"; do
        need "data/$name/wav.scp" 1
        is_dumped "$name" || return 1
    done
    [[ $dump != none && -n $train_set ]] || return 0
    need_pretrained "$pretrained_file"
    dump_frames_of "$train_set" train
    finished "${frames_args[@]}" --is_done true || return 1
    dump_frames_of "$dev_set" dev
    finished "${frames_args[@]}" --is_done true
}

dump_frames_of() { # set, its use: sets frames_args
    frames_args=(python -m fad.bin.dump_frames --pretrained "$pretrained_file" --name "$1"
        --use "$2" --dump "$dump" --max_dump_gb "$max_dump_gb"
        --nj "$(jobs_for "dump/audio/$1" "$nj")" "${config_args[@]}")
}

is_dumped() { # set: whether its dump is what stage 2 would make; says why not
    finished python -m fad.bin.dump_audio --data "data/$1" --out "dump/audio/$1" \
        --on_error "$on_error" --is_done true
}

check_dumped() { # set
    [[ -e data/$1/wav.scp && -e dump/audio/$1/wav.scp ]] || return 0 # a dump alone is enough
    on_error=skip is_dumped "$1" ||
        die "dump/audio/$1 is not of data/$1 as it is now (see above): run stage 2 first"
}

score() { # set
    local audio jobs args launch=("${score_cmd[@]}")
    audio=$(audio_dir "$1")
    log "stage 4: score $1 with $exp"
    jobs=$(jobs_for "$audio" "$nj")
    args=(python -m fad.bin.score_set --model "$exp" --audio "$audio" --out "$exp/scores/$1"
        --ngpu "$((ngpu > 0))" --nj "$jobs" --precision "$score_precision"
        --compute "$score_compute")
    # A model knows the path of its encoder; --pretrained gives the new path if the file has moved.
    [[ -z $pretrained ]] || args+=(--pretrained "$pretrained")
    if finished "${args[@]}" --is_done true; then
        log "stage 4: $1 has these scores already"
        return
    fi
    ((ngpu == 0)) || launch+=(--gpu 1)
    "${launch[@]}" "JOB=1:$jobs" "$exp/log/score_${1//\//_}.JOB.log" "${args[@]}" --job JOB
    "${args[@]}" --combine true
}

main
