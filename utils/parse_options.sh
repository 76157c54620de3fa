# shellcheck shell=bash
# Sourced: sets a script's options from its command line, and answers --help.
#
#     #!/usr/bin/env bash
#     # What the script does: these lines open the help.
#     set -euo pipefail
#     # Options
#     # [Stages]
#     stage=1           # first stage to run
#     skip_train=false  # score the model that is there
#     set=              # (repeatable) key=value over the config
#                       # an indented comment continues the help
#     # End of options
#     . utils/parse_options.sh
#
# The block between the two marks lists all options; `# [Title]` starts a section of the help. Users
# write `--name value` or `--name=value`; a dash in a name means an underscore; the last value wins.
# The default determines the type: an option with true or false takes only these, one with a number
# takes only numbers (so it is safe in shell arithmetic). A (repeatable) one collects its values, one
# on each line:
#     [[ -z $set ]] || mapfile -t overrides <<<"$set"
# Source it before any `cd`, since it reads the script. Its own variables start with _opt_, which no
# option can; values are never evaluated.

_opt_fail() {
    printf '%s: error: %s\n' "${_opt_script##*/}" "$1" >&2
    exit 1
}

_opt_read_block() { # fills _opt_names, _opt_default, _opt_help and _opt_layout from the script
    local _opt_line _opt_name='' _opt_inside=false
    while IFS= read -r _opt_line; do
        case $_opt_line in
            '# Options') _opt_inside=true && continue ;;
            '# End of options') return ;;
        esac
        [[ $_opt_inside == true ]] || continue
        if [[ $_opt_line =~ ^([a-z][a-z0-9_]*)= ]]; then
            _opt_name=${BASH_REMATCH[1]}
            [[ -v $_opt_name ]] || _opt_fail "option $_opt_name is in the block but not set"
            _opt_names+=("$_opt_name")
            _opt_default[$_opt_name]=${!_opt_name}
            _opt_help[$_opt_name]=
            _opt_layout+=("$_opt_name")
            [[ $_opt_line =~ [[:space:]]'# '(.*) ]] && _opt_help[$_opt_name]=${BASH_REMATCH[1]}
        elif [[ $_opt_line =~ ^'# ['(.*)']'$ ]]; then
            _opt_layout+=("[${BASH_REMATCH[1]}")
        elif [[ -n $_opt_name && $_opt_line =~ ^[[:space:]]+'# '(.*) ]]; then
            _opt_help[$_opt_name]+=$'\n'${BASH_REMATCH[1]}
        fi
    done <"$_opt_script"
    _opt_fail "no block from '# Options' to '# End of options'"
}

_opt_print_help() {
    local _opt_line _opt_entry
    printf 'Usage: %s [--option value ...]\n\n' "${_opt_script##*/}"
    while IFS= read -r _opt_line; do
        [[ $_opt_line == '#'* ]] || break
        [[ $_opt_line == '#!'* || $_opt_line == '# shellcheck '* ]] && continue
        _opt_line=${_opt_line#'#'}
        printf '%s\n' "${_opt_line# }"
    done <"$_opt_script"
    [[ ${_opt_layout[0]} == '['* ]] || printf '\nOptions\n'
    for _opt_entry in "${_opt_layout[@]}"; do
        case $_opt_entry in
            '['*) printf '\n%s\n' "${_opt_entry#'['}" ;;
            *) _opt_print_option "$_opt_entry" ;;
        esac
    done
}

_opt_print_option() {
    local _opt_text=${_opt_help[$1]}
    [[ -z ${_opt_default[$1]} ]] || _opt_text+=" (default: ${_opt_default[$1]})"
    printf '  --%-18s %s\n' "$1" "${_opt_text//$'\n'/$'\n'                       }"
}

_opt_distance() { # prints the number of edits between two words
    local i j above diagonal best row=()
    for ((j = 0; j <= ${#2}; j++)); do row[j]=$j; done
    for ((i = 1; i <= ${#1}; i++)); do
        diagonal=${row[0]} row[0]=$i
        for ((j = 1; j <= ${#2}; j++)); do
            above=${row[j]} best=$diagonal
            [[ ${1:i-1:1} == "${2:j-1:1}" ]] || ((best += 1))
            ((above + 1 < best)) && best=$((above + 1))
            ((row[j - 1] + 1 < best)) && best=$((row[j - 1] + 1))
            row[j]=$best diagonal=$above
        done
    done
    printf '%d\n' "${row[${#2}]}"
}

_opt_unknown() {
    local _opt_name _opt_edits _opt_fewest=4 _opt_hint=
    for _opt_name in "${_opt_names[@]}"; do
        _opt_edits=$(_opt_distance "${1:0:40}" "$_opt_name")
        ((_opt_edits < _opt_fewest)) || continue
        _opt_fewest=$_opt_edits _opt_hint="did you mean --$_opt_name? "
    done
    _opt_fail "unknown option '--$1'; ${_opt_hint}known:$(printf ' --%s' "${_opt_names[@]}")"
}

_opt_assign() { # name, value
    local _opt_value=$2 _opt_number='^-?[0-9]+(\.[0-9]+)?$'
    if [[ ${_opt_default[$1]} =~ ^(true|false)$ && ! $2 =~ ^(true|false)$ ]]; then
        _opt_fail "--$1 takes true or false, not '$2'"
    fi
    if [[ ${_opt_default[$1]} =~ $_opt_number && ! $2 =~ $_opt_number ]]; then
        _opt_fail "--$1 takes a number, not '$2'"
    fi
    if [[ ${_opt_help[$1]} == *'(repeatable)'* ]]; then
        [[ $2 != *$'\n'* ]] || _opt_fail "--$1 takes one line at a time"
        _opt_value=${!1:+${!1}$'\n'}$2
    fi
    printf -v "$1" '%s' "$_opt_value"
}

_opt_parse() { # path of the script, its arguments
    local _opt_script=$1 _opt_word _opt_name
    local -a _opt_names=() _opt_layout=()
    local -A _opt_default=() _opt_help=()
    shift
    _opt_read_block
    while (($#)); do
        [[ $1 == --?* ]] || _opt_fail "unexpected argument '$1'; options are written --name value"
        [[ $1 == --help ]] && _opt_print_help && exit 0
        _opt_word=${1%%=*}
        _opt_word=${_opt_word#--}
        _opt_name=${_opt_word//-/_}
        # The pattern comes first: before 5.2, bash evaluates a hostile name in the subscript.
        [[ $_opt_name =~ ^[a-z][a-z0-9_]*$ && -v _opt_default[$_opt_name] ]] \
            || _opt_unknown "$_opt_word"
        if [[ $1 == *=* ]]; then
            _opt_assign "$_opt_name" "${1#*=}"
            shift
        else
            [[ $# -ge 2 && $2 != --* ]] \
                || _opt_fail "--$_opt_word needs a value (one that starts with --: --$_opt_word=...)"
            _opt_assign "$_opt_name" "$2"
            shift 2
        fi
    done
}

_opt_parse "${BASH_SOURCE[1]}" "$@"
