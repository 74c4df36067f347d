"""The scripts that shells load. Each asks `netattach __complete`, so they need not change with the commands."""

from __future__ import annotations

_BASH = r"""# netattach completion bash, for ~/.bashrc: source <(netattach completion bash)
_netattach() {
    local line directive=4
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :*) directive=${line#:} ;;
            *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [ "$directive" = 0 ]; then
        compopt -o default 2>/dev/null
    fi
}
complete -F _netattach netattach kubectl-netattach
"""

_ZSH = r"""#compdef netattach kubectl-netattach
# netattach completion zsh, for ~/.zshrc: source <(netattach completion zsh)
_netattach() {
    local line directive=4
    local -a found
    while IFS= read -r line; do
        case $line in
            :*) directive=${line#:} ;;
            *$'\t'*) found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
            *) found+=("${line//:/\\:}") ;;
        esac
    done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    if [ "$directive" = 0 ]; then
        _files
    else
        _describe netattach found
    fi
}
if [ "$funcstack[1]" = "_netattach" ]; then
    _netattach "$@"
else
    compdef _netattach netattach kubectl-netattach
fi
"""

_FISH = r"""# netattach completion fish, as ~/.config/fish/completions/netattach.fish
function __netattach_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] "$last" 2>/dev/null)
    if test "$lines[-1]" = ":0"
        __fish_complete_path "$last"
    end
    for line in $lines
        string match -q -r '^:\d+$' -- $line; or echo $line
    end
end
complete -c netattach -f -a '(__netattach_complete)'
complete -c kubectl-netattach -f -a '(__netattach_complete)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
"""By the shell."""
