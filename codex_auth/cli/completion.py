"""`codex-auth completion`: the few lines with which a shell asks `cli.completing` what fits."""

import click

_BASH = """\
# codex-auth completion bash: put this into ~/.local/share/bash-completion/completions/codex-auth,
# or  eval "$(codex-auth completion bash)"  into ~/.bashrc.
_codex_auth() {
    local rest=${COMP_LINE:0:COMP_POINT} at word gap kind value what
    local -a words=()
    # bash breaks words at = : and @, which names and options have; the line says which belonged together.
    for ((at = 0; at < COMP_CWORD; at++)); do
        word=${COMP_WORDS[at]} gap=${rest%%"$word"*}
        rest=${rest#"$gap$word"}
        if [[ -z $gap && ${#words[@]} -gt 0 ]]; then words[-1]+=$word; else words+=("$word"); fi
    done
    word=${rest##*[[:space:]]}
    if [[ $rest == "$word" && ${#words[@]} -gt 1 ]]; then words[-1]+=$word; else words+=("$word"); fi
    local begun=${words[-1]} broken=
    if [[ $COMP_WORDBREAKS == *[@:=]* ]]; then broken=${begun%"${begun##*[@:=]}"} broken=${broken%@}; fi
    COMPREPLY=()
    while IFS=$'\\t' read -r kind value what; do
        case $kind in
            plain) COMPREPLY+=("${value#"$broken"}") ;;
            file) compopt -o filenames; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${begun#*=}") ;;
            folder) compopt -o filenames; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "${begun#*=}") ;;
            command) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -c -- "$begun") ;;
        esac
    done < <(printf '%s\\0' "${words[@]:1}" | command codex-auth completion --answer 2>/dev/null)
}
complete -F _codex_auth codex-auth
"""

_ZSH = """\
#compdef codex-auth
# codex-auth completion zsh: put this into a file _codex-auth in a folder of $fpath, before compinit runs,
# or  eval "$(codex-auth completion zsh)"  into ~/.zshrc, after it.
_codex_auth() {
    local line kind value what
    local -a typed described
    typed=("${(@Q)words[2,CURRENT-1]}" "$PREFIX")
    while IFS=$'\\t' read -r kind value what; do
        case $kind in
            plain) described+=("${value//:/\\\\:}${what:+:$what}") ;;
            file) [[ $PREFIX == --*=* ]] && compset -P 1 '*='; _files ;;
            folder) [[ $PREFIX == --*=* ]] && compset -P 1 '*='; _files -/ ;;
            command) _command_names -e ;;
        esac
    done < <(printf '%s\\0' "${(@)typed}" | command codex-auth completion --answer 2>/dev/null)
    (( $#described )) && _describe -V codex-auth described
}
if [[ $funcstack[1] == _codex-auth ]]; then _codex_auth "$@"; else compdef _codex_auth codex-auth; fi
"""

_FISH = """\
# codex-auth completion fish: put this into ~/.config/fish/completions/codex-auth.fish,
# or  codex-auth completion fish | source  into ~/.config/fish/config.fish.
function __codex_auth_fitting
    set -l begun (commandline -ct)
    set -l words (commandline -opc) $begun
    test -n "$begun"; or set words (commandline -opc) ''
    printf '%s\\0' $words[2..-1] | command codex-auth completion --answer 2>/dev/null |
        while read -l -d \\t kind value what
            switch $kind
                case plain
                    printf '%s\\t%s\\n' $value $what
                case file
                    __fish_complete_path (string replace -r '^--[^=]*=' '' -- $begun)
                case folder
                    __fish_complete_directories (string replace -r '^--[^=]*=' '' -- $begun)
                case command
                    __fish_complete_command
            end
        end
end
complete -c codex-auth -f -a '(__codex_auth_fitting)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


@click.command()
@click.argument("shell", required=False, type=click.Choice([*SCRIPTS]))
@click.option("--answer", is_flag=True, hidden=True, help="What the script calls: words on stdin, what fits on stdout.")
def command(*, shell: str | None, answer: bool) -> None:
    """Print what teaches a shell to complete our commands, options, choices and profile names.

    SHELL is bash (4.4 or later), zsh or fish; if not said, the one that $SHELL is. The names come from files that need
    no unlocking, so a Tab never opens a keyring or asks for a passphrase.
    Say it once; it goes on working with later releases, which then complete what is new in them.
    """
    import os

    from codex_auth.core.errors import UsageError
    from codex_auth.edge.world import World

    if answer:
        from codex_auth.cli.completing import answer as complete

        raise SystemExit(complete())
    name = shell or os.path.basename(os.environ.get("SHELL", ""))
    if name not in SCRIPTS:
        raise UsageError(problem="Say which shell: bash, zsh or fish.", command="completion")
    World().out(SCRIPTS[name].rstrip("\n"))
