# shellcheck shell=bash
# Sourced after log.sh: one run at a time in a folder. fad/utils/locks.py describes the protocol;
# this is the same in shell.
#
#     hold_alone data    # to write there
#     hold_shared dump   # to read there: meanwhile nobody may write
#     hold_run exp/lora  # the same, in a folder that may come from others
#     hold_file f --nonblock || other_work  # without --nonblock it waits as long as it takes
#     release            # releases all locks
#
# With FAD_WAIT=true, as in a study, a run waits for others as long as it takes; otherwise it ends.
# Jobs on this machine inherit the script's locks, so the locks are held until the last job ends.
# Jobs on other machines know the run by FAD_RUN and hold .run.jobs.lock. A killed run may leave data
# workers, which need some seconds to end.

_lock_wait=8 # seconds
_locks=()

_lock_is_safe() { # file: a link would lead elsewhere, and a FIFO would wait for ever
    [[ ! -L $1 && ! -p $1 && ! -S $1 && ! -c $1 && ! -b $1 ]] || die "$1 is no regular file: remove it"
}

_lock_take() { # kind, directory, what to say if another run has it
    _lock_try "$2" "--$1" --wait "$_lock_wait" && return
    [[ ${FAD_WAIT:-} == true ]] || die "$3$(_lock_holders "$2"): wait for its end, or end it"
    log "$3$(_lock_holders "$2"): waiting for its end"
    _lock_try "$2" "--$1"
}

_lock_try() { # file or directory, options of flock: 1 if another run has it
    local code=0
    flock "${@:2}" "$_lock" || code=$?
    ((code > 1)) || return "$code"
    ((code < 128)) || die "stopped while waiting for $1"
    log "warning: there are no locks on the file system of $1 (flock ended with $code): going on" \
        "without; take care that no other run works there"
}

_lock_holders() { # directory: the processes of this machine that have its lock open
    local link pid found=
    for link in /proc/[0-9]*/fd/*; do
        pid=${link#/proc/} pid=${pid%%/*}
        [[ $pid != "$$" && $pid != "$BASHPID" && $found != *" $pid "* ]] || continue
        [[ $link -ef $1/.run.lock || $link -ef $1/.run.jobs.lock ]] || continue
        found+=" $pid "
        printf '; open in process %s: %.80s' "$pid" "$(tr '\0' ' ' </proc/"$pid"/cmdline)"
    done 2>/dev/null # processes end meanwhile, and those of others cannot be read
}

_lock_open() { # file: sets _lock to a descriptor that jobs inherit
    exec {_lock}<>"$1"
    _locks+=("$_lock")
}

hold_alone() { # directory
    local file=$1/.run.lock run
    run="run.sh, process $$ on $(hostname), since $(date +%FT%T)"
    mkdir -p "$1"
    _lock_is_safe "$file"
    _lock_is_safe "$1/.run.jobs.lock"
    { : >>"$file" && : >>"$1/.run.jobs.lock"; } 2>/dev/null ||
        die "$1 cannot be written: change its owner or mode, or make room"
    _lock_open "$file"
    _lock_take exclusive "$1" "$1 is in use by another run or by jobs that it left (the last to write\
 there was $(cat "$file"))"
    exec {_lock}<>"$1/.run.jobs.lock"
    _lock_take exclusive "$1" "$1 is in use by jobs that another run left, $(cat "$file")"
    # While no job may join by the earlier name. A full disk may prevent it.
    echo "$run" 2>/dev/null >"$file" || true
    exec {_lock}>&-
    export FAD_RUN=$run FAD_RUN_IN=$PWD/$1
}

check_own() { # directory, which may come from others
    local odd
    odd=$([[ ! -d $1 ]] || find "$1/" -mindepth 1 ! -type f ! -type d -print -quit)
    [[ -z $odd ]] || die "$odd is no regular file: an experiment of others could write elsewhere" \
        "through it: remove it"
}

hold_run() { # directory
    check_own "$1"
    hold_alone "$1"
}

hold_shared() { # directory
    local file=$1/.run.lock
    _lock_is_safe "$file"
    # In a folder that is not writable no lock is needed.
    [[ -e $file ]] || { : >>"$file"; } 2>/dev/null || return 0
    exec {_lock}<"$file"
    _locks+=("$_lock")
    _lock_take shared "$1" "$1 is being written by $(cat "$file") or by jobs that it left"
    [[ -e $1/.run.jobs.lock ]] || return 0
    _lock_is_safe "$1/.run.jobs.lock"
    exec {_lock}<"$1/.run.jobs.lock"
    _lock_take exclusive "$1" "$1 is being written by jobs that $(cat "$file") left"
    exec {_lock}>&-
}

hold_file() { # file, options of flock: 1 if another has it
    mkdir -p "${1%/*}"
    _lock_is_safe "$1"
    _lock_open "$1"
    _lock_try "$1" --exclusive "${@:2}" || {
        exec {_lock}>&-
        unset '_locks[-1]'
        return 1
    }
}

release() {
    local lock
    for lock in "${_locks[@]}"; do
        exec {lock}>&-
    done
    _locks=()
    unset FAD_RUN FAD_RUN_IN
}
