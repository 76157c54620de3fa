# shellcheck shell=bash
# Sourced after log.sh: the sets of a recipe, and the files that stages need. A set is one of this
# recipe, such as eval, or of another recipe, such as custom/eval.

audio_dir() { # set -> its dump
    case $1 in
        */*) echo "../${1%%/*}/dump/audio/${1#*/}" ;;
        *) echo "dump/audio/$1" ;;
    esac
}

own_sets() { # sets -> those of this recipe, each on a line and once
    local name
    local -A seen=()
    for name in "$@"; do
        [[ -n $name && $name != */* && -z ${seen[$name]:-} ]] || continue
        seen[$name]=1
        printf '%s\n' "$name"
    done
}

jobs_for() { # data directory, jobs -> jobs, at most one for each utterance
    local utts
    utts=$(wc -l <"$1/wav.scp")
    echo $((utts < $2 ? utts : $2))
}

need() { # file, the stage that makes it
    [[ -e $1 ]] || die "$1 is missing: run stage $2 first (--stage $2)"
}

need_dump() { # set
    local file
    file=$(audio_dir "$1")/wav.scp
    [[ $1 == */* ]] || need "$file" 2
    [[ -e $file ]] || die "$file is missing: run stage 2 of egs/${1%%/*} first"
}

finished() { # a program with --is_done true: whether it has nothing to do; it says why not
    local code=0
    "$@" || code=$?
    ((code == 0 || code == 3)) || exit "$code" # an error, which the program has named
    return "$code"
}

need_pretrained() { # file or folder
    [[ -n $1 ]] ||
        die "which encoder? Give --pretrained, e.g. xlsr2_300m.pt (tools/download_xlsr.sh fetches it)"
    [[ -e $1 ]] || die "--pretrained $1: no such file or folder; tools/download_xlsr.sh fetches" \
        "fairseq's files, 'hf download NAME --local-dir DIR' those of the Hugging Face Hub"
}
