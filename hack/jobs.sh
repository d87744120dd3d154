# shellcheck shell=bash
# Long commands, one after the other or side by side: output in a log each, one line of progress on a terminal, a line at the
# beginning and the end elsewhere, and none left running when the script ends. Sourced after lib.sh; reads LOGS, a directory.
# With JOBS_QUIET the script says itself how they ended.

declare -A JOB_PID=() JOB_TITLE=() JOB_START=() JOB_TOOK=() JOB_STATUS=()
SHOWN='' JOBS_QUIET=''

interactive() { [[ -t 2 && -z ${CI:-} && ${TERM:-dumb} != dumb ]]; }

# redraw TEXT: the progress line; empty to remove it.
redraw() {
  interactive || return 0
  [[ $1 != "$SHOWN" ]] || return 0
  SHOWN=$1
  printf '\r\033[K%s' "${1:0:$((${COLUMNS:-$(tput cols 2>/dev/null || echo 100)} - 1))}" >&2
}

# tell TEXT: a line that stays.
tell() {
  redraw ''
  say "$*"
}

job_log() { echo "$LOGS/$1.log"; }
job_status() { echo "$LOGS/$1.status"; }

# job NAME TITLE COMMAND...: starts COMMAND, in a process group of its own.
job() {
  local name=$1 title=$2
  shift 2
  mkdir -p "$LOGS"
  JOB_TITLE[$name]=$title JOB_START[$name]=$SECONDS
  interactive || tell "$title ..."
  rm -f "$(job_status "$name")"
  # It notes its exit code itself: bash forgets that of a job that ended long before it is asked for.
  # shellcheck disable=SC2016 # for the inner shell
  setsid bash -c '"${@:2}"; echo $? >"$1"' job "$(job_status "$name")" "$@" >"$(job_log "$name")" 2>&1 </dev/null &
  JOB_PID[$name]=$!
}

# end_jobs: for the script's EXIT trap.
end_jobs() {
  local name
  redraw ''
  for name in "${!JOB_PID[@]}"; do
    kill -TERM -- "-${JOB_PID[$name]}" 2>/dev/null || true
    wait "${JOB_PID[$name]}" 2>/dev/null || true
  done
}

# progress NAME: "title: [12/90] 34 s"; the counter is ninja's, read off the log.
progress() {
  local count
  count=$(tail -c 4000 "$(job_log "$1")" 2>/dev/null | grep -aoE '^\[[0-9]+/[0-9]+\]' | tail -n 1 || true)
  printf '%s: %s%s s' "${JOB_TITLE[$1]}" "${count:+$count }" $((SECONDS - JOB_START[$1]))
}

# join SECONDS NAME...: waits for the jobs together; 0 when all succeeded, else the names of those that did not in FAILED_JOBS.
join() {
  local deadline=$((SECONDS + $1)) name line last=$SECONDS
  shift
  FAILED_JOBS=()
  while (($# > 0)); do
    local rest=()
    line=''
    for name in "$@"; do
      if kill -0 "${JOB_PID[$name]}" 2>/dev/null && ((SECONDS < deadline)); then
        rest+=("$name")
        line+="${line:+ · }$(progress "$name")"
      else
        reap "$name" "$deadline"
      fi
    done
    set -- "${rest[@]}"
    (($# > 0)) || break
    redraw "$line"
    if ! interactive && ((SECONDS - last >= 60)); then
      tell "  $line"
      last=$SECONDS
    fi
    sleep 0.3
  done
  ((${#FAILED_JOBS[@]} == 0))
}

# reap NAME DEADLINE
reap() {
  local pid=${JOB_PID[$1]} status
  if kill -0 "$pid" 2>/dev/null && ((SECONDS >= $2)); then
    echo "ended: not ready after $((SECONDS - JOB_START[$1])) s" >>"$(job_log "$1")"
    kill -TERM -- "-$pid" 2>/dev/null || true
  fi
  wait "$pid" 2>/dev/null || true
  status=$(cat "$(job_status "$1")" 2>/dev/null) || status=143 # ended by a signal
  unset "JOB_PID[$1]"
  # shellcheck disable=SC2034 # for the script
  # shellcheck disable=SC2034 # for the scripts that source this one
  JOB_TOOK[$1]=$((SECONDS - JOB_START[$1])) JOB_STATUS[$1]=$status
  ((status == 0)) || FAILED_JOBS+=("$1")
  [[ -z $JOBS_QUIET ]] || return 0
  if ((status != 0)); then
    tell "${JOB_TITLE[$1]}: FAILED after ${JOB_TOOK[$1]} s"
  elif ((JOB_TOOK[$1] >= 2)); then
    tell "${JOB_TITLE[$1]}: ${JOB_TOOK[$1]} s"
  fi
}

# must SECONDS NAME...: join, or the script ends with the first failed job's log.
must() {
  join "$@" || fail "${JOB_TITLE[${FAILED_JOBS[0]}]}: failed" "$(job_log "${FAILED_JOBS[0]}")"
}
