# shellcheck shell=bash disable=SC2154
# Which servers this host reaches, of those that it is told to ask. $asked: lines of URL, tab, and a file, or nothing: where the
# file is there, nothing comes from that URL, and nobody is asked. $resolve: options for curl. $patience: the longest
# wait for an answer, in seconds.

# Prints the status of the answer, which is 000 where there was none, and what curl says then.
ask_server() {
  curl -q --silent --show-error --head --location --max-time "$patience" ${resolve[@]+"${resolve[@]}"} \
    --output /dev/null --write-out '%{http_code}\n' "$1" 2>&1
}

# All at once, so that the wait is that of one.
servers() {
  local url unless answer line status fault index
  local -a urls=() answers=()
  present curl || return 0
  while IFS=$'\t' read -r url unless; do
    [[ -z $unless || ! -e $unless ]] || continue
    exec {answer}< <(ask_server "$url")
    urls+=("$url") answers+=("$answer")
  done <<<"$asked"
  open servers '['
  for index in ${urls[@]+"${!urls[@]}"}; do
    answer=${answers[index]} status='' fault=''
    while IFS= read -r line; do
      if [[ $line =~ ^[0-9]{3}$ ]]; then status=${line#000}; elif [[ -n $line ]]; then fault=${line#curl: }; fi
    done <&"$answer"
    exec {answer}<&-
    open '' '{'
    text url "${urls[index]}"
    number status "$status"
    text fault "$fault"
    close '}'
  done
  close ']'
}
