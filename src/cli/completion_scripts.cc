#include "cli/completion_scripts.h"

#include <string_view>

namespace aegis::cli {

std::string_view BashCompletion() {
  return R"sh(# bash completion for aegis; put it where bash-completion looks, or source it:
#   aegis completions bash > ~/.local/share/bash-completion/completions/aegis

# After `--` a command of its own is completed: $1 is where it begins in COMP_WORDS.
_aegis_command() {
  if declare -F _command_offset >/dev/null; then
    _command_offset "$1"
  elif ((COMP_CWORD == $1)); then
    mapfile -t COMPREPLY < <(compgen -c -- "${COMP_WORDS[COMP_CWORD]}")
  else
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
  fi
}

_aegis() {
  local program=${1/#\~/$HOME} glue='' prefix='' word line i
  local -a words=() fit=()
  COMPREPLY=()
  # Bash parts words at "=" and ":" too; for aegis they are one.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ ${#words[@]} -gt 0 && (-n $glue || $word == [=:]*) ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
    glue=''
    if [[ $word == [=:] ]]; then glue=1; fi
    if [[ $word == -- && $i -lt $COMP_CWORD &&
      $("$program" __complete "${words[@]}" '' 2>/dev/null) == :command* ]]; then
      _aegis_command $((i + 1))
      return
    fi
  done
  word=${words[-1]}
  # Bash replaces only what follows the "=".
  if [[ $word == -*=* && $COMP_WORDBREAKS == *=* ]]; then prefix=${word%%=*}=; fi
  while IFS= read -r line; do
    case $line in
      :files) mapfile -t fit < <(compgen -f -- "${word#"$prefix"}") ;;
      :directories) mapfile -t fit < <(compgen -d -- "${word#"$prefix"}") ;;
      *) line=${line%%$'\t'*} && COMPREPLY+=("${line#"$prefix"}") ;;
    esac
  done < <("$program" __complete "${words[@]}" 2>/dev/null)
  if ((${#fit[@]} > 0)); then
    compopt -o filenames 2>/dev/null
    COMPREPLY+=("${fit[@]}")
  fi
}

complete -F _aegis aegis
)sh";
}

std::string_view ZshCompletion() {
  return R"sh(#compdef aegis
# zsh completion for aegis; put it into a directory of $fpath, or source it after compinit:
#   aegis completions zsh > ~/.zfunc/_aegis

_aegis() {
  local -a lines candidates
  local line shell=''
  lines=("${(@f)$(${~words[1]} __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
  for line in $lines; do
    case $line in
      :*) shell=${line#:} ;;
      ?*) candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
    esac
  done
  if [[ $shell == command* ]]; then
    shift $((${shell#command } + 1)) words
    ((CURRENT -= ${shell#command } + 1))
    _normal
    return
  fi
  (($#candidates)) && _describe -t aegis aegis candidates
  if [[ $shell == files || $shell == directories ]]; then
    [[ $PREFIX == -*=* ]] && compset -P '*='
    if [[ $shell == files ]]; then _files; else _files -/; fi
  fi
}

if [[ $funcstack[1] == _aegis ]]; then
  _aegis "$@"
else
  compdef _aegis aegis
fi
)sh";
}

std::string_view FishCompletion() {
  return R"sh(# fish completion for aegis; put it where fish looks, or source it:
#   aegis completions fish > ~/.config/fish/completions/aegis.fish

function __aegis_command --description 'complete the command after --'
    set -l line (string escape -- $argv[1..-2])
    complete --do-complete (string join ' ' -- $line $argv[-1])
end

function __aegis_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    set -l prefix (string match -r -- '^--[a-z-]+=' "$current")
    set -l value (string replace -r -- '^--[a-z-]+=' '' "$current")
    for line in ($program __complete $words "$current" 2>/dev/null)
        switch $line
            case ':command *'
                set -l from (math (string replace ':command ' '' -- $line) + 1)
                set -l inner
                if test (count $words) -ge $from
                    set inner $words[$from..-1]
                end
                __aegis_command $inner "$current"
            case ':files'
                printf '%s\n' "$prefix"(__fish_complete_path "$value")
            case ':directories'
                printf '%s\n' "$prefix"(__fish_complete_directories "$value" '')
            case '*'
                echo $line
        end
    end
end

complete -c aegis -f -a '(__aegis_complete)'
)sh";
}

}  // namespace aegis::cli
