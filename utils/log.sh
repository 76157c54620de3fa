# shellcheck shell=bash
# Sourced: `log TEXT...` writes a line to standard error, with the time and the place of the call;
# `die TEXT...` does the same and exits with 1; `keep_log FILE` moves an earlier log away.

_log_from() { # depth of the caller, text...
    local depth=$(($1 + 1))
    shift
    printf '%(%Y-%m-%dT%H:%M:%S)T (%s:%s:%s) %s\n' -1 "${BASH_SOURCE[depth]##*/}" \
        "${BASH_LINENO[depth - 1]}" "${FUNCNAME[depth]}" "$*" >&2
}

log() {
    _log_from 1 "$@"
}

die() {
    _log_from 1 "error:" "$@"
    exit 1
}

keep_log() { # x.log -> x.1.log, x.2.log, ...: a resumed training must keep its earlier log
    local number=1
    [[ -e $1 ]] || return 0
    while [[ -e ${1%.log}.$number.log ]]; do ((number += 1)); done
    mv "$1" "${1%.log}.$number.log"
}
