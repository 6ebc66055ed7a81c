# shellcheck shell=bash
# Writes JSON, ASCII only, piece by piece into $json.

json='' comma=''

# Sets $quoted: the value as a JSON string. UTF-8 becomes \u escapes, bytes that are none become U+FFFD.
quote() {
  local rest=$1 plain byte code=0 point=0 more=0 low=0 hex
  quoted='"'
  while [[ -n $rest ]]; do
    plain=${rest%%[!\ !#-\[\]-~]*}
    quoted+=$plain
    rest=${rest:${#plain}}
    [[ -n $rest ]] || break
    byte=${rest:0:1}
    rest=${rest:1}
    case $byte in
      '"' | "\\") quoted+="\\$byte" && continue ;;
      $'\n') quoted+="\\n" && continue ;;
      $'\t') quoted+="\\t" && continue ;;
    esac
    printf -v code '%d' "'$byte"
    point=$((code & 255)) more=0 low=0
    if ((point >= 0xF0 && point < 0xF5)); then
      more=3 low=$((0x10000)) point=$((point & 7))
    elif ((point >= 0xE0 && point < 0xF0)); then
      more=2 low=$((0x800)) point=$((point & 15))
    elif ((point >= 0xC2 && point < 0xE0)); then
      more=1 low=$((0x80)) point=$((point & 31))
    elif ((point >= 0x80)); then
      low=$((0x110000))
    fi
    while ((more > 0)); do
      printf -v code '%d' "'${rest:0:1}"
      (((code & 0xC0) == 0x80)) || break
      point=$((point << 6 | code & 63)) more=$((more - 1))
      rest=${rest:1}
    done
    if ((more > 0 || point < low || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))); then point=$((0xFFFD)); fi
    if ((point >= 0x10000)); then
      printf -v hex '\\u%04x\\u%04x' $((0xD800 + ((point - 0x10000) >> 10))) $((0xDC00 + ((point - 0x10000) & 0x3FF)))
    else
      printf -v hex '\\u%04x' "$point"
    fi
    quoted+=$hex
  done
  quoted+='"'
}

raw() { # KEY JSON; an empty KEY inside a list
  json+=$comma
  [[ -z $1 ]] || json+="\"$1\":"
  json+=$2
  comma=,
}
open() { # KEY { or [
  raw "$1" "$2"
  comma=
}
close() { # } or ]
  json+=$1
  comma=,
}
text() { # KEY VALUE; empty is null
  local quoted=null
  [[ -z $2 ]] || quote "$2"
  raw "$1" "$quoted"
}
number() { # KEY VALUE; what is no whole number is null
  if [[ $2 =~ ^-?(0|[1-9][0-9]*)$ ]]; then raw "$1" "$2"; else raw "$1" null; fi
}
flag() { # KEY COMMAND…; true when the command succeeds
  local key=$1
  shift
  if "$@"; then raw "$key" true; else raw "$key" false; fi
}
