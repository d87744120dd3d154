# shellcheck shell=bash
# shellcheck disable=SC2153 # RUNS, LOGS and NAMESPACE come from hack/demo
# Follows the runs: a small table that is drawn over itself on a terminal, one line a change elsewhere.

declare -A SEEN=() # run: the last phase shown
TABLE_LINES=0

# read_runs: NAME PHASE SECONDS TEXT a run, separated by tabs; each run's object goes to $LOGS/NAME.json.
read_runs() {
  local all name
  all=$(kubectl get modelruns -n "$NAMESPACE" "${RUNS[@]}" -o json) || return 1
  for name in "${RUNS[@]}"; do jq --arg name "$name" '.items[] | select(.metadata.name == $name)' <<<"$all" >"$LOGS/$name.json"; done
  jq -r '.items[] | .status as $s
    | ([$s.conditions[]? | select(.type == "Succeeded")][0]) as $c
    | [.metadata.name, ($s.phase // "Pending"), ($s.durationSeconds // "-" | tostring),
       ((if ($s.phase // "Pending") == "Pending" then $c.message else $s.error.message // $s.message end) // "-" | split("\n")[0])] | @tsv' <<<"$all"
}

colour() {
  case $1 in
  Succeeded) printf '\033[32m' ;;
  Failed | TimedOut | Cancelled) printf '\033[33m' ;;
  Running) printf '\033[36m' ;;
  *) printf '\033[2m' ;;
  esac
}

draw_table() {
  local name phase seconds text width=${COLUMNS:-$(tput cols 2>/dev/null || echo 100)}
  ((TABLE_LINES == 0)) || printf '\033[%dA' "$TABLE_LINES" >&2
  TABLE_LINES=0
  while IFS=$'\t' read -r name phase seconds text; do
    [[ $text != - ]] || text=''
    printf '\r\033[K  %-28s %s%-10s\033[0m %-8s %s\n' "$name" "$(colour "$phase")" "$phase" "${seconds/#-/}" "${text:0:$((width > 54 ? width - 54 : 0))}" >&2
    TABLE_LINES=$((TABLE_LINES + 1))
  done <<<"$2"
  printf '\r\033[K  %s s\n' "$1" >&2
  TABLE_LINES=$((TABLE_LINES + 1))
}

# tell_changes SECONDS ROWS
tell_changes() {
  local name phase seconds text
  while IFS=$'\t' read -r name phase seconds text; do
    [[ ${SEEN[$name]:-} != "$phase" ]] || continue
    say "$(printf '%6s s  %-28s %s%s' "$1" "$name" "${SEEN[$name]:+${SEEN[$name]} → }" "$phase")"
    SEEN[$name]=$phase
  done <<<"$2"
}

# elapsed START: tenths of seconds since START, a value of EPOCHREALTIME.
elapsed() {
  local tenths=$(((${EPOCHREALTIME/./} - ${1/./}) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# watch_runs SECONDS: until all are over.
watch_runs() {
  local start=$EPOCHREALTIME deadline=$((SECONDS + $1)) rows
  say ""
  while true; do
    if rows=$(read_runs 2>"$LOGS/watch.log"); then
      if interactive; then draw_table "$(elapsed "$start")" "$rows"; else tell_changes "$(elapsed "$start")" "$rows"; fi
      grep -qP '\t(Pending|Running)\t' <<<"$rows" || return 0
    fi
    ((SECONDS < deadline)) || give_up "$1"
    sleep 0.2
  done
}

give_up() {
  {
    kubectl get modelruns,pods -n "$NAMESPACE" -o wide
    kubectl get events -n "$NAMESPACE" --sort-by .lastTimestamp
  } >"$LOGS/pods.log" 2>&1 || true
  kubectl logs -n modelrun-system -l app.kubernetes.io/instance=modelrun --prefix --tail 200 >"$LOGS/operator.log" 2>&1 || true
  say "runs, pods and events of the namespace: $LOGS/pods.log"
  fail "not every run was over after $1 s; the operator says:" "$LOGS/operator.log"
}
