#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# A study: methods x ranks x target modules x input lengths x seeds. Each is an ordinary run of this
# recipe's run.sh, and exp/<name> compares the results. Finished runs are not repeated. Call it in
# the recipe's directory, after stage 1. Two shells may call it at once: each run is done by one.
#
#     ../TEMPLATE/study.sh --dry_run true                                  # what it would run, and for how long
#     ../TEMPLATE/study.sh --methods "frozen lora full" --seeds "1 2 3" --set train.epochs=10
#     ../TEMPLATE/study.sh --preset paper_rank                             # ranks 1, 4, 8, 16 beside full tuning
[ -n "${BASH_VERSION:-}" ] || { echo "$0: call it itself or by bash: it needs bash, not sh" >&2; exit 1; }
set -euo pipefail

# Options
# [What is varied]
preset=           # methods (one for each adaptation), or the paper's tables: paper_rank,
                  # paper_length. Values given below replace those of a preset
methods=          # "lora lora+aasist": each as run.sh's --config; by default "frozen lora full"
ranks=            # "1 4 8 16", for methods that have a rank; their alpha does not change
targets=          # "q_proj,v_proj q_proj,k_proj,v_proj,out_proj", for methods with target_modules
crop_samples=     # "16400 32400 64600": samples in a training crop, at 16 kHz
seeds=            # "1 2 3"; by default the config's, 1
# [The same for all]
lr=               # "frozen=1e-2 full=1e-3": learning rates of methods, in place of their config's
set=              # (repeatable) key=value over every config, e.g. train.epochs=10
plugin=           # (repeatable) as for run.sh, in every call
pretrained=       # as for run.sh, in every call; by default the recipe's own
test_sets=        # as for run.sh; finished runs are scored on those that they lack
run_opts=         # (repeatable) an option for run.sh: --run_opts=--ngpu=4
# [The study]
name=study        # beginning of its runs' tags: letters, digits and -. The report covers all runs with
                  # such a tag and is written to exp/<name>
dry_run=false     # only list the runs: done or not, and the expected seconds if known
report_only=false # no runs: only the report on finished runs
# End of options

utils=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../../utils" && pwd)
# shellcheck source=../../utils/path.sh
. "$utils/path.sh"
# shellcheck source=../../utils/log.sh
. "$utils/log.sh"
# shellcheck source=../../utils/parse_options.sh
. "$utils/parse_options.sh"
# shellcheck source=../../utils/plugins.sh
. "$utils/plugins.sh"
# shellcheck source=../../utils/locks.sh
. "$utils/locks.sh"
export FAD_WAIT=true # runs wait for each other: one may dump what another is not to read yet

[[ -x run.sh ]] || die "no run.sh here: call this in a recipe's folder, egs/<corpus>"
[[ $name =~ ^[A-Za-z0-9][A-Za-z0-9-]*$ ]] ||
    die "--name '$name': use letters, digits and - only, no - first"

run_args=()
[[ -z $run_opts ]] || mapfile -t run_args <<<"$run_opts"
[[ -z $pretrained ]] || run_args+=("--pretrained=$pretrained")
[[ -z $test_sets ]] || run_args+=("--test_sets=$test_sets")

list_args=()
add_words() { # option, its words in one string
    local words
    read -ra words <<<"$2"
    ((${#words[@]} == 0)) || list_args+=("$1" "${words[@]}")
}

list_runs() { # a line each: done or todo, seconds, number of a dump, tag, method, overrides
    local override
    list_args=("--name=$name")
    [[ -z $preset ]] || list_args+=("--preset=$preset")
    [[ -z $pretrained ]] || list_args+=("--pretrained=$pretrained")
    add_words --methods "$methods"
    add_words --ranks "$ranks"
    add_words --targets "$targets"
    add_words --crop_samples "$crop_samples"
    add_words --seeds "$seeds"
    add_words --lr "$lr"
    add_words --test_sets "$test_sets"
    if [[ -n $set ]]; then
        while IFS= read -r override; do
            list_args+=("--set=$override")
        done <<<"$set"
    fi
    python -m fad.bin.study_runs "${list_args[@]}"
}

show_runs() {
    local line fields todo=0 known=0 seconds=0
    for line in "${runs[@]}"; do
        IFS=$'\t' read -ra fields <<<"$line"
        printf '%-5s %6s  %s\n' "${fields[0]}" "${fields[1]}" "${fields[3]}"
        [[ ${fields[0]} == todo ]] || continue
        ((todo += 1))
        [[ ${fields[1]} == - ]] || ((known += 1, seconds += fields[1]))
    done
    printf '%d runs, %d to do' "${#runs[@]}" "$todo"
    ((known == 0)) || printf '; %d of them in about %d s, as long as those like them took' "$known" "$seconds"
    printf '\n'
}

# If a run fails, the next ones may succeed, so the study goes on; but Ctrl-C stops all of them.
trap 'log "interrupted: the same command goes on from here"; exit 130' INT

declare -A dumped=()
failed=()
run_all() { # goes on with the next run if one fails; what another shell is doing comes last
    local line number others=()
    for line in "${runs[@]}"; do # finished runs already have their dumps
        IFS=$'\t' read -ra fields <<<"$line"
        [[ ${fields[0]} == todo ]] || dumped[${fields[2]}]=1
    done
    for number in "${!runs[@]}"; do
        run_if_free "$number" --nonblock || others+=("$number")
    done
    for number in "${others[@]}"; do
        run_if_free "$number" --nonblock && continue
        log "run $((number + 1)) of ${#runs[@]}: another shell is doing it: waiting for its end"
        run_if_free "$number"
    done
}

run_if_free() { # number of a run, options of flock: 1 if another shell is doing it
    IFS=$'\t' read -ra fields <<<"${runs[$1]}"
    [[ ${fields[0]} == todo ]] || return 0
    hold_file "exp/$name/.runs/${fields[3]}" "${@:2}" || return 1
    see_others
    IFS=$'\t' read -ra fields <<<"${runs[$1]}"
    if [[ ${fields[0]} == todo ]]; then
        log "run $(($1 + 1)) of ${#runs[@]}: ${fields[3]}"
        run_one || failed+=("${fields[3]}")
    fi
    release
}

see_others() { # lists the runs again if another shell has finished one since
    local listed now
    now=$(count_times)
    [[ $now != "$times" ]] || return 0
    times=$now
    listed=$(list_runs) && mapfile -t runs <<<"$listed"
}

count_times() {
    [[ ! -e exp/$name/times ]] || wc -l <"exp/$name/times"
}

run_one() { # the run in fields; stage 2 only once for a method and a crop length
    local started=$SECONDS override dump=${fields[2]} tag=${fields[3]}
    local args=("--config=${fields[4]}" "--tag=$tag" "${run_args[@]}")
    for override in "${fields[@]:5}"; do
        args+=("--set=$override")
    done
    if [[ -z ${dumped[$dump]:-} ]]; then
        ./run.sh --stage 2 --stop_stage 2 "${args[@]}" || return 1
        dumped[$dump]=1
        started=$SECONDS
    fi
    ./run.sh --stage 3 "${args[@]}" || return 1
    printf '%s %d\n' "$tag" $((SECONDS - started)) >>"exp/$name/times"
    ((times += 1))
}

report() {
    python -m fad.bin.study --exp exp --name "$name" || return 1
    log "done: exp/$name/study.md, study.json and plots"
}

# In a function, so that bash reads all of it before anything runs: this file may then be edited.
main() {
    local listed times
    check_own "exp/$name"
    if [[ $report_only == true ]]; then
        report
        exit 0
    fi
    times=$(count_times) # before the list, which may then know more
    listed=$(list_runs)
    mapfile -t runs <<<"$listed"
    if [[ $dry_run == true ]]; then
        show_runs
        exit 0
    fi
    mkdir -p "exp/$name"
    run_all
    report || failed+=("the report")
    ((${#failed[@]} == 0)) ||
        die "failed: ${failed[*]}; each one's reason stands above, and in exp/<its name>/train.log"
    exit 0
}

main
