# shellcheck shell=bash
# Sourced after parse_options.sh and log.sh: adds the files of --plugin to FAD_PLUGINS, so that every
# job finds them. They are absolute paths and come before the old value.

_plugins=()
# shellcheck disable=SC2154 # plugin is an option of the script that sources this
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
