#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# Downloads a released XLS-R model in fairseq's format, to give to --pretrained.
#
#     tools/download_xlsr.sh                 # xlsr2_300m.pt, 317 million parameters
#     tools/download_xlsr.sh --model 1b      # xlsr2_960m_1000k.pt
#     tools/download_xlsr.sh --model 2b      # xlsr2_2B_1000k.pt
#
# An interrupted download continues, in this call or the next. The file gets its name only when it
# has the length that the server gives and the tensors of its model. Its sha256 is written beside
# it: none was published, so the first one is trusted and each later call compares with it.
set -euo pipefail

# Options
model=300m  # 300m, 1b or 2b
dir=        # folder to write to; by default pretrained/ of the repository
base_url=https://dl.fbaipublicfiles.com/fairseq/wav2vec  # a mirror has files of the same names
tries=5     # attempts; each continues where the last one stopped
wait=5      # seconds between attempts
# End of options

# shellcheck source=../utils/path.sh
. "$(dirname "${BASH_SOURCE[0]}")/../utils/path.sh"
# shellcheck source=../utils/log.sh
. "$FAD_ROOT/utils/log.sh"
# shellcheck source=../utils/parse_options.sh
. "$FAD_ROOT/utils/parse_options.sh"

case $model in
    300m) file=xlsr2_300m.pt ;;
    1b) file=xlsr2_960m_1000k.pt ;;
    2b) file=xlsr2_2B_1000k.pt ;;
    *) die "--model $model: the models are 300m, 1b and 2b" ;;
esac
[[ $tries =~ ^[1-9][0-9]*$ ]] || die "--tries $tries: give a number, from 1 up"
command -v curl >/dev/null || die "curl is missing: sudo apt-get install -y curl"
dir=${dir:-$FAD_ROOT/pretrained}
url=${base_url%/}/$file
target=$dir/$file
part=$target.part
record=$target.sha256
# Gives up on a server that sends nothing for a minute.
curl=(curl --fail --silent --show-error --location --connect-timeout 30
    --speed-limit 1 --speed-time 60)
bar=()
[[ ! -t 2 ]] || bar=(--no-silent --progress-bar)

size_of() { # prints the bytes of a file; 0 where there is none
    if [[ -f $1 ]]; then stat -L -c %s -- "$1"; else echo 0; fi
}

spoilt() { # reason: the download is useless and must not be continued
    rm -f -- "$part"
    die "$url: $1; it was removed"
}

length_there() { # prints the file's bytes by the server's answer
    local headers
    headers=$("${curl[@]}" --head "$url") \
        || die "$url: cannot be had (see above): is there a network, and is --base_url right?"
    # After redirections the last answer counts.
    sed -n 's/^content-length:[[:space:]]*\([0-9]*\).*/\1/Ip' <<<"$headers" | tail -n 1
}

check_space() { # bytes still to come
    local free
    free=$(df -Pk -- "$dir" | awk 'NR == 2 { print $4 }')
    (($1 / 1024 < free)) \
        || die "$dir has $((free / 1024)) MB free, and $file needs $(($1 / 1048576)) MB more"
}

fetch() { # bytes of the whole file: makes $part complete
    local try status
    for ((try = 1; ; try++)); do
        (($(size_of "$part") < $1)) || return 0
        status=0
        "${curl[@]}" "${bar[@]}" --continue-at - --output "$part" "$url" || status=$?
        case $status in
            0) return 0 ;;
            33) rm -f -- "$part" ;; # the server cannot continue a file: start again
            23) die "$part: cannot be written (see above): make room, then call this again" ;;
            22) die "$url: the server refuses it (see above)" ;;
        esac
        ((try < tries)) || die "$url: cut off at $(size_of "$part") of $1 bytes, $tries times;" \
            "call this again to go on from there"
        log "cut off at $(size_of "$part") of $1 bytes: again in $wait s"
        sleep "$wait"
    done
}

sha256_of() { # file
    sha256sum -- "$1" | cut -d ' ' -f 1
}

check_record() { # file: whether its sha256 is the recorded one, if there is a record
    [[ ! -f $record || $(cut -d ' ' -f 1 <"$record") == "$(sha256_of "$1")" ]]
}

write_record() { # the sha256 of $target, in the format of sha256sum -c
    [[ -f $record ]] || { echo "$(sha256_of "$target")  $file" >"$record.part" &&
        mv -- "$record.part" "$record"; }
    log "sha256 $(cut -d ' ' -f 1 <"$record"), also in $record"
}

check_model() { # file
    python -m fad.bin.check_pretrained --pretrained "$1" --like "xls-r-$model" >&2
}

# Without torch the download could not be checked, and must not be removed as useless.
python -c 'import fad.utils.cli, sys, importlib.util as u; sys.exit(u.find_spec("torch") is None)' \
    || die "this Python has no torch: run tools/setup.sh"
mkdir -p -- "$dir"
exec {lock}<"$dir"
flock --nonblock "$lock" || die "$dir: another download_xlsr.sh is at work there"

if [[ -f $target ]]; then
    check_record "$target" \
        || die "$target: is not what was downloaded ($record has another sha256): remove both"
    [[ -f $record ]] || check_model "$target" \
        || die "$target: not XLS-R $model: remove or rename it"
    write_record
    log "$target is there already"
    exit 0
fi

length=$(length_there)
[[ $length =~ ^[1-9][0-9]{0,17}$ ]] \
    || die "$url: the server does not say how long it is: use a mirror"
check_space $((length - $(size_of "$part")))
log "downloading $url, $((length / 1048576)) MB, to $dir"
fetch "$length"
got=$(size_of "$part")
((got == length)) || spoilt "has $got bytes, the server said $length"
status=0
check_model "$part" || status=$?
case $status in
    0) ;;
    1) spoilt "not XLS-R $model (see above)" ;;
    *) die "$part: could not be checked (exit code $status): call this again, with more memory" ;;
esac
check_record "$part" || spoilt "not what was downloaded before ($record has another sha256; remove \
that if the new one is right)"
sync -- "$part"
mv -- "$part" "$target"
write_record
log "$target is ready"
