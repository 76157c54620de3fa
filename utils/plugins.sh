# shellcheck shell=bash
# Sourced after parse_options.sh and log.sh: exports FAD_PLUGINS, by which every job finds the files
# of --plugin. They come before those that were there, and by absolute paths.

_plugins=()
# shellcheck disable=SC2154 # an option of the script that sources this
[[ -z $plugin ]] || mapfile -t _plugins <<<"$plugin"
for ((_n = ${#_plugins[@]} - 1; _n >= 0; _n--)); do
    _file=${_plugins[_n]}
    [[ $_file == /* ]] || _file=$PWD/$_file
    [[ -f $_file ]] || die "--plugin ${_plugins[_n]}: no such file"
    [[ $_file != *:* ]] || die "--plugin ${_plugins[_n]}: a path with a colon cannot be used"
    FAD_PLUGINS=$_file${FAD_PLUGINS:+:$FAD_PLUGINS}
done
export FAD_PLUGINS=${FAD_PLUGINS:-}
unset _plugins _file _n
