/** What `completion SHELL` prints. Each asks `PROGRAM __complete`, so it fits every version of it. */
export const completionScripts = {
  bash: `# bash completion for musterctl, also when it is called fleetctl
_musterctl() {
  local line program=\${COMP_WORDS[0]/#\\~/$HOME}
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("$line")
  done < <("$program" __complete bash -- "\${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
  # The word goes on: a directory, an instance, a value.
  if ((\${#COMPREPLY[@]} == 1)) && [[ \${COMPREPLY[0]} == *[/@=] ]]; then
    compopt -o nospace 2>/dev/null
  fi
}
complete -F _musterctl musterctl fleetctl`,

  zsh: `#compdef musterctl fleetctl
# zsh completion for musterctl, also when it is called fleetctl
_musterctl() {
  local -a lines values shown open open_shown
  local line value about program=\${(Q)words[1]}
  lines=("\${(@f)$(\${~program} __complete zsh -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  for line in "\${(@)lines[2,-1]}"; do
    value=\${line%%$'\\t'*} about=\${line#*$'\\t'}
    # The word goes on: an instance, a value.
    if [[ $value == *[@=/] ]]; then
      open+=("$value") open_shown+=("$value\${about:+  -- $about}")
    else
      values+=("$value") shown+=("$value\${about:+  -- $about}")
    fi
  done
  local found=1
  (($#values)) && compadd -l -d shown -a values && found=0
  (($#open)) && compadd -S '' -l -d open_shown -a open && found=0
  case \${lines[1]:--} in
    -) ;;
    \\*) compset -P '--*=' ; _files && found=0 ;;
    *) _files -g "*.(\${lines[1]// /|})(-.)" && found=0 ;;
  esac
  return found
}
# Sourced, it registers itself; in fpath, it is called.
if [[ $funcstack[1] == _musterctl ]]; then _musterctl "$@"; else compdef _musterctl musterctl fleetctl; fi`,

  fish: `# fish completion for musterctl, also when it is called fleetctl
function __musterctl_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l plain (string unescape -- $current 2>/dev/null)
    or set plain $current
    $before[1] __complete fish -- $before[2..-1] "$plain" 2>/dev/null
end
complete -c musterctl -f -a '(__musterctl_complete)'
complete -c fleetctl -f -a '(__musterctl_complete)'`,
} as const;
