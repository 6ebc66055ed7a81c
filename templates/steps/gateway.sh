# shellcheck shell=bash disable=SC2154
# nginx as the only door. The running nginx learns of a change only when `nginx -t` accepts the whole of it.

tls=/etc/tms-llm/tls
days_of_ca=3650
# What browsers accept at most is 398.
days_of_certificate=397

step() {
  ensure_nginx
  own_nginx_first
  make_room
  ensure_http_port "$in_port"
  if [[ $in_upstreams == network ]]; then ensure_boolean httpd_can_network_connect; fi
  ensure_directory /etc/nginx/tms-llm root:root 0700
  if [[ $in_tls != off ]]; then ensure_directory "$tls" root:root 0755; fi
  case $in_tls in
    own-ca) ensure_own_certificate ;;
    files) check_given_certificate ;;
  esac
  ensure_files --notify nginx.service --validate-all 'nginx -t -q'
  ensure_running
  ensure_door
}

# An nginx that is there already, of whatever flavour, is used as it is.
ensure_nginx() {
  if owned package nginx || ! command -v nginx >/dev/null; then ensure_package nginx; fi
}

# On the ledger before our files, so that a removal takes the files back first and nginx forgets them after that.
own_nginx_first() {
  local enabled active
  if owned unit nginx.service; then
    own unit nginx.service "as before"
    return
  fi
  enabled=$(systemctl is-enabled nginx.service 2>/dev/null) || enabled=${enabled:-absent}
  active=$(systemctl is-active nginx.service 2>/dev/null) || active=${active:-unknown}
  own unit nginx.service "$enabled $active"
}

# The welcome page goes where it came with our nginx, or holds our port. Any other site on our port is somebody's work.
make_room() {
  local site welcome=/etc/nginx/sites-enabled/default
  if owned package nginx || listens_on_our_port "$(as_found "$welcome")"; then ensure_absent "$welcome"; else bring_back "$welcome"; fi
  [[ $VERB == apply ]] || return 0
  # The welcome page of RHEL's family stands in nginx.conf itself.
  for site in /etc/nginx/nginx.conf /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*.conf; do
    if [[ $site != /etc/nginx/conf.d/tms-llm.conf ]] && listens_on_our_port "$site"; then
      fail "port $in_port belongs to another site of this nginx" "$site listens on it" \
        "choose another gateway.port in the stack file, or take that site out"
    fi
  done
}

# as_found PATH: where its content lies, set aside or not.
as_found() {
  local before
  before=$(ledger_field absent "$1" 5)
  if [[ $before == kept:* ]]; then echo "$BEFORE_DIR/${before#kept:}"; else echo "$1"; fi
}

# bring_back PATH: what was set aside for a port that is ours no longer. Left to the ledger, nginx would not learn of it.
bring_back() {
  if ! owned absent "$1"; then return 0; fi
  difference "$1" "as it was" "set aside"
  if [[ $VERB == apply ]]; then
    notify nginx.service
    restore_before "$1" "$(ledger_field absent "$1" 5)"
    disown_line absent "$1"
    changed "$1 brought back"
  fi
}

listens_on_our_port() {
  [[ -e $1 ]] && grep -qE "^[[:space:]]*listen[[:space:]]+([^;#]*:)?$in_port([[:space:];]|\$)" "$1"
}

ensure_own_certificate() {
  ensure_package openssl
  ensure_file "$tls/openssl.cnf"
  give_way_to_restored_ca
  ensure_command_output "$tls/ca.key" root:root 0600 -- ca_key
  ensure_command_output "$tls/ca.pem" root:root 0644 -- ca_certificate
  ensure_command_output "$tls/server.key" root:root 0600 -- new_key
  ensure_server_certificate
  result_file ca "$tls/ca.pem"
}

# The CA that a restore brought is the one that the clients know.
ca_key() { if [[ -n $in_restored_ca ]]; then openssl pkey <<<"$in_restored_ca"; else new_key; fi; }
ca_certificate() { if [[ -n $in_restored_ca ]]; then openssl x509 <<<"$in_restored_ca"; else new_ca; fi; }

# The key goes first, so that a run which is killed in between finds the certificate and knows that it is not done.
give_way_to_restored_ca() {
  if [[ -z $in_restored_ca || ! -s $tls/ca.pem ]] || cmp -s -- "$tls/ca.pem" <(ca_certificate); then return 0; fi
  difference "CA $tls/ca.pem" "the one that was restored" "another"
  if [[ $VERB == apply ]]; then rm -f -- "$tls/ca.key" "$tls/ca.pem"; fi
}

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256; }

# A common name has at most 64 characters.
new_ca() {
  openssl req -x509 -new -sha256 -key "$tls/ca.key" -days "$days_of_ca" -subj "/O=tms-llm private CA/CN=${in_server_name:0:64}" \
    -config "$tls/openssl.cnf" -extensions ca
}

new_server_certificate() {
  openssl req -new -sha256 -key "$tls/server.key" -subj "/CN=${in_server_name:0:64}" -config "$tls/openssl.cnf" |
    openssl x509 -req -sha256 -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -set_serial "0x$(openssl rand -hex 16)" \
      -days "$days_of_certificate" -extfile "$tls/openssl.cnf" -extensions server 2>/dev/null
}

ensure_server_certificate() {
  # A check speaks up later than an apply renews, so a host that is deployed now and then never drifts by age.
  local days=30 fault certificate=$tls/server.pem
  [[ $VERB == apply ]] || days=14
  fault=$(certificate_fault "$days")
  if [[ -n $fault ]]; then
    difference "certificate $certificate" "valid for $days days, for the planned names" "$fault"
    if [[ $VERB == apply ]]; then
      new_server_certificate >"$RUN_DIR/server.pem" ||
        fail "cannot issue $certificate" "openssl failed; the CA's key and certificate may not belong together" \
          "delete $tls/ca.pem on the host and run up again; clients then need the new CA certificate"
      own_file "$certificate"
      own_file "$certificate.names"
      notify nginx.service
      put_file "$certificate" "$RUN_DIR/server.pem" root:root 0644
      echo "$in_subject_names" >"$RUN_DIR/server.pem.names"
      put_file "$certificate.names" "$RUN_DIR/server.pem.names" root:root 0644
      changed "certificate $certificate"
    fi
  fi
  own_file "$certificate"
  own_file "$certificate.names"
}

# A given certificate is the operator's to renew.
check_given_certificate() {
  local certificate=$tls/given.pem
  if [[ -e $certificate ]] && command -v openssl >/dev/null && ! openssl x509 -in "$certificate" -noout -checkend $((14 * 86400)) >/dev/null; then
    foreign "certificate $certificate" "valid for 14 days" "ends $(openssl x509 -in "$certificate" -noout -enddate | cut -d= -f2)" \
      "put a newer certificate and its key where gateway.tls says, then run up"
  fi
}

# certificate_fault DAYS: prints why the server's certificate is not good for so long, or nothing.
certificate_fault() {
  local certificate=$tls/server.pem
  if [[ ! -s $certificate || ! -s $certificate.names ]]; then
    echo absent
  elif [[ $(<"$certificate.names") != "$in_subject_names" ]]; then
    echo "for other names"
  elif ! openssl verify -CAfile "$tls/ca.pem" "$certificate" >/dev/null 2>&1; then
    echo "expired, or not issued by $tls/ca.pem"
  elif ! openssl x509 -in "$certificate" -noout -checkend $(($1 * 86400)) >/dev/null; then
    echo "ends $(openssl x509 -in "$certificate" -noout -enddate | cut -d= -f2)"
  elif [[ $(openssl x509 -in "$certificate" -noout -pubkey) != "$(openssl pkey -in "$tls/server.key" -pubout)" ]]; then
    echo "made for another key"
  fi
}

ensure_running() {
  local pid
  local -a former=() files
  mapfile -t files < <(planned_files)
  ensure_fresh nginx.service "$(serving_workers | head -n 1)" "${files[@]}" "$tls/server.pem"
  if [[ $VERB == apply && -e $STATE/pending/nginx.service ]]; then
    trap drained EXIT
    drain "$in_port"
    mapfile -t former < <(serving_workers)
  fi
  ensure_unit nginx.service --reload
  # A reload returns at once; who connects now might still be served by the former configuration.
  for pid in "${former[@]}"; do
    wait_until_retired "$pid" || not_taken "nginx goes on with its former configuration"
  done
  if [[ $VERB == apply ]]; then
    drained
    trap - EXIT
  fi
}

# not_taken WHAT: the files are in place, but nginx has to be asked again, by the next run.
not_taken() {
  notify nginx.service
  fail "$1" "nginx's last words: $(tail -n 3 /var/log/nginx/error.log)" \
    "see that nothing else holds port $in_port and that /etc/nginx/nginx.conf includes /etc/nginx/conf.d/*.conf, then run up again"
}

# The door answers, and it asks for a key.
ensure_door() {
  local scheme=https found answer=$RUN_DIR/door
  [[ $in_tls != off ]] || scheme=http
  found=$(curl --silent --insecure --max-time 5 --noproxy '*' --output "$answer" --write-out '%{http_code}' "$scheme://127.0.0.1:$in_port/v1/models") ||
    found='no answer'
  if [[ $found == 401 ]] && grep -q invalid_api_key "$answer"; then return 0; fi
  difference "endpoint on port $in_port" "401 without a key" "$found"
  [[ $VERB == check ]] || not_taken "$scheme://127.0.0.1:$in_port/v1/models does not answer 401 without a key, but: $found"
}
