# shellcheck shell=bash disable=SC2154
# Who is on it: listeners, firewalls, services, sites of nginx, the account, and what is ours.

ports() {
  local local_address users process output unit
  if ! present ss || ! output=$(ss -Hltnp 2>/dev/null); then
    raw ports null
    return 0
  fi
  open ports '['
  while read -r _ _ _ local_address _ users; do
    [[ -n $local_address ]] || continue
    process='' unit=''
    if [[ $users =~ \(\(\"([^\"]*)\",pid=([0-9]+) ]]; then
      process=${BASH_REMATCH[1]}
      unit_of "${BASH_REMATCH[2]}"
    fi
    open '' '{'
    text address "${local_address%:*}"
    number port "${local_address##*:}"
    text process "$process"
    text unit "$unit"
    close '}'
  done <<<"$output"
  close ']'
}

firewall() {
  local line key value rules='' in_chain='' output enabled='' ipv6=''
  open firewall '{'
  if present ufw; then
    # `ufw status` starts Python and takes longer than all other questions together.
    while IFS='=' read -r key value; do
      [[ $key != ENABLED ]] || enabled=${value,,}
    done 2>/dev/null </etc/ufw/ufw.conf
    text ufw "${enabled:-no}"
    while IFS='=' read -r key value; do
      [[ $key != IPV6 ]] || ipv6=${value,,}
    done 2>/dev/null </etc/default/ufw
  else
    text ufw ''
  fi
  text ufwIpv6 "$ipv6"
  if present nft && output=$(nft list ruleset 2>/dev/null); then
    rules=0
    while read -r line; do
      case $line in
        chain*\{) in_chain=yes ;;
        \}) in_chain= ;;
        'type '*' hook '* | 'policy '* | 'comment '* | '') ;;
        *) [[ -z $in_chain ]] || rules=$((rules + 1)) ;;
      esac
    done <<<"$output"
  fi
  number nftRules "$rules"
  close '}'
}

services() {
  local file key value output version='' state=''
  local -A names=([kanana-llm.service]=1 [ollama.service]=1 [tms-ollama.service]=1 [nginx.service]=1 [ufw.service]=1 [firewalld.service]=1 [nftables.service]=1)
  open systemd '{'
  flag running test -d /run/systemd/system
  output=$(systemctl show -p Version -p SystemState 2>/dev/null)
  while IFS='=' read -r key value; do
    case $key in
      Version) version=$value ;;
      SystemState) state=$value ;;
    esac
  done <<<"$output"
  text version "$version"
  text state "$state"
  close '}'
  for file in /etc/systemd/system/llm-*.service /run/systemd/system/llm-*.service /usr/local/lib/systemd/system/llm-*.service \
    /usr/lib/systemd/system/llm-*.service /lib/systemd/system/llm-*.service; do
    names[${file##*/}]=1
  done
  open services '['
  output=$(systemctl show -p Id -p LoadState -p ActiveState -p UnitFileState -p FragmentPath "${!names[@]}" 2>/dev/null)
  local id='' load='' active='' enabled='' path=''
  while IFS='=' read -r key value; do
    case $key in
      Id) id=$value ;;
      LoadState) load=$value ;;
      ActiveState) active=$value ;;
      UnitFileState) enabled=$value ;;
      FragmentPath) path=$value ;;
    esac
    # A blank line ends a unit.
    if [[ -z $key ]]; then
      if [[ -n $id && $load != not-found ]]; then
        open '' '{'
        text name "$id"
        text active "$active"
        text enabled "$enabled"
        text path "$path"
        close '}'
      fi
      id=''
    fi
  done <<<"$output"$'\n'
  close ']'
}

# The server blocks' names and ports of one file, as nginx reads them: one directive a line in every file we met.
nginx_site() {
  local path=$1 line
  local -a server_names=() listens=()
  while IFS= read -r line || [[ -n $line ]]; do
    if [[ $line =~ ^[[:space:]]*server_name[[:space:]]+([^\;]+)\; ]]; then server_names+=("${BASH_REMATCH[1]}"); fi
    if [[ $line =~ ^[[:space:]]*listen[[:space:]]+([^\;]+)\; ]]; then listens+=("${BASH_REMATCH[1]}"); fi
  done 2>/dev/null <"$path"
  open '' '{'
  text path "$path"
  text target "$(readlink -f "$path")"
  text serverNames "${server_names[*]-}"
  open listens '['
  for line in ${listens[@]+"${listens[@]}"}; do text '' "$line"; done
  close ']'
  close '}'
}

nginx() {
  local path
  open nginx '{'
  text path "$(type -P nginx)"
  open sites '['
  for path in /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*.conf; do
    [[ ! -f $path ]] || nginx_site "$path"
  done
  close ']'
  close '}'
}

account() {
  local entry name uid gid home shell
  entry=$(getent passwd tms)
  if [[ -z $entry ]]; then
    raw tmsUser null
    return 0
  fi
  IFS=: read -r name _ uid gid _ home shell <<<"$entry"
  open tmsUser '{'
  text name "$name"
  number uid "$uid"
  number gid "$gid"
  text home "$home"
  text shell "$shell"
  close '}'
}

# What an earlier deployment of ours left: nothing else on this host may be taken for ours.
ours() {
  local line kind id bytes path folder
  local -a whole=() partial=()
  if [[ ! -d $STATE ]]; then
    raw ours null
    return 0
  fi
  open ours '{'
  first_line "$STATE/digest"
  text digest "$line"
  for folder in /opt/llm/{ollama,vllm,transformers}/[0-9]*; do
    if [[ -e $folder/.complete ]]; then whole+=("$folder"); else partial+=("$folder"); fi
  done
  # What is there already needs no room again, and what a killed run has left is cleared away.
  open used '['
  while read -r bytes path; do
    open '' '{'
    text path "$path"
    number bytes "$bytes"
    close '}'
  done < <(du -sxB1 /opt/llm/models "${partial[@]}" /opt/llm/{vllm,transformers}/.uv "$STATE" "$STATE-incoming" 2>/dev/null)
  close ']'
  open releases '['
  for folder in "${whole[@]}"; do text '' "$folder"; done
  close ']'
  open ledger '['
  if [[ -r $STATE/ledger ]]; then
    while IFS=$'\t' read -r _ _ kind id _; do
      open '' '{'
      text kind "$kind"
      text id "$id"
      close '}'
    done <"$STATE/ledger"
  fi
  close ']'
  close '}'
}
