/**
 * What `naru completion SHELL` prints: each asks `naru __complete` and shows what it says. One line a candidate, `WORD<TAB>DESCRIPTION`; the line
 * `:files` stands for the shell's own completion of files.
 */

export const scripts: Readonly<Record<string, string>> = {
  bash: `# Completion of naru for bash: source <(naru completion bash)
_naru_complete() {
  local word rest files='' current="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  while IFS=$'\\t' read -r word rest; do
    if [ "$word" = ':files' ]; then files=1; else COMPREPLY+=("$word"); fi
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [ -n "$files" ]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
  fi
  if [ "\${#COMPREPLY[@]}" -eq 1 ]; then
    case "\${COMPREPLY[0]}" in */ | *=) compopt -o nospace 2>/dev/null ;; esac
  fi
}
complete -F _naru_complete naru ./naru
`,
  zsh: `#compdef naru
# Completion of naru for zsh: source <(naru completion zsh)
_naru() {
  local -a found
  local line word files=''
  while IFS= read -r line; do
    if [[ $line == ':files' ]]; then files=1; continue; fi
    word=\${line%%$'\\t'*}
    found+=("\${word//:/\\\\:}:\${line#*$'\\t'}")
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( $#found )) && _describe -o 'naru' found
  [[ -n $files ]] && _files
}
compdef _naru naru
`,
  fish: `# Completion of naru for fish: naru completion fish | source
function __naru_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    for line in ($before[1] __complete -- $before[2..-1] "$current" 2>/dev/null)
        if test "$line" = ':files'
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c naru -f -a '(__naru_complete)'
`,
};
