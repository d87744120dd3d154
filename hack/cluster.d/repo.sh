# shellcheck shell=bash
# Git repositories for demo and tests, served by hack/gitserver.py on this machine's address of the node's link, or, with
# --context, on the address that the cluster reaches this machine at.

GIT_ROOT=$STATE/git GIT_ADDRESS=$HOST_IP GIT_PORT=8418 GIT_LOG=$STATE/log/gitserver.log

# repo DIR [NAME] [--private USER:PASSWORD] [--address HOST] | --stop: prints the URL.
repo() {
  local private='' address='' stop='' arguments=()
  while (($# > 0)); do
    case $1 in
    --private) private=${2:?--private needs USER:PASSWORD}; shift ;;
    --address) address=${2:?--address needs an address of this machine}; shift ;;
    --stop) stop=1 ;;
    *) arguments+=("$1") ;;
    esac
    shift
  done
  local directory=${arguments[0]:-} name=${arguments[1]:-}
  [[ -n $CONTEXT || -z $address$stop ]] || fail "repo: --address and --stop go with --context; our own node reaches this machine at $HOST_IP"
  [[ -z $CONTEXT ]] || serve_context "${address:-${stop:+[^ ]*}}"
  if [[ -n $stop ]]; then
    stop_context_server
    return
  fi
  [[ -d $directory ]] || fail "repo: which directory? ('$directory' is none)"
  directory=$(cd "$directory" && pwd -P)
  name=${name:-$(basename "$directory" .git)}
  [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ && $name != *.git ]] || fail "repo: '$name' is no name for a repository"
  [[ -z $private || $private == ?*:?* ]] || fail "repo: --private needs USER:PASSWORD"
  if [[ -z $CONTEXT ]]; then
    lock
    need_running
    mkdir -p "$GIT_ROOT"
  fi
  if is_repository "$directory"; then
    publish_repository "$directory" "$name"
  else
    commit_directory "$directory" "$name"
  fi
  protect "$name" "$private"
  ensure_gitserver
  echo "http://$GIT_ADDRESS:$GIT_PORT/$name.git"
}

# serve_context ADDRESS (to stop: a pattern): has the functions below serve from a place and a port beside our own node's.
serve_context() {
  [[ -n $1 ]] || fail "repo: with --context it needs --address HOST, an address of this machine that the cluster's pods reach"
  [[ -n $stop || $(ip -o address) == *" $1/"* ]] || fail "repo: this machine has no address $1 (ip address shows those it has)"
  GIT_ROOT=$(dirname "$STATE")/.repositories GIT_ADDRESS=$1 GIT_PORT=8419
  GIT_LOG=$GIT_ROOT/gitserver.log
  mkdir -p "$GIT_ROOT"
  exec 9>"$GIT_ROOT/lock"
  flock 9
}

stop_context_server() {
  stop_gitserver
  rm -rf -- "$GIT_ROOT"
  rmdir -- "$(dirname "$GIT_ROOT")" 2>/dev/null || true
}

# plain_git ARGS...: git without this machine's or user's settings.
plain_git() {
  GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=modelrun GIT_AUTHOR_EMAIL=modelrun@localhost \
    GIT_COMMITTER_NAME=modelrun GIT_COMMITTER_EMAIL=modelrun@localhost \
    git -c safe.directory='*' -c core.excludesFile=/dev/null "$@"
}

# is_repository DIR: a work tree's top or a bare repository; not a folder somewhere inside another repository.
is_repository() {
  [[ -e $1/.git ]] || [[ -f $1/HEAD && -d $1/objects && -d $1/refs ]]
}

publish_repository() {
  local git_dir
  git_dir=$(plain_git -C "$1" rev-parse --absolute-git-dir)
  [[ ! -d $GIT_ROOT/$2.git || -L $GIT_ROOT/$2.git ]] || fail "repo: the name '$2' belongs to a plain directory already"
  ln -sfn "$git_dir" "$GIT_ROOT/$2.git"
}

# commit_directory DIR NAME: one commit on main with what DIR holds now, unless nothing has changed.
commit_directory() {
  local bare=$GIT_ROOT/$2.git
  [[ ! -L $bare ]] || fail "repo: the name '$2' belongs to a git repository already"
  [[ -d $bare ]] || plain_git init -q --bare -b main "$bare"
  (
    export GIT_DIR=$bare GIT_WORK_TREE=$1 GIT_INDEX_FILE=$GIT_ROOT/$2.index
    plain_git add -A .
    if plain_git rev-parse -q --verify HEAD >/dev/null && plain_git diff --cached --quiet HEAD; then
      say "$2: unchanged, $(plain_git rev-parse --short HEAD)"
    else
      plain_git commit -q --allow-empty -m "Content of $(basename "$1")"
      say "$2: committed $(plain_git rev-parse --short HEAD)"
    fi
  )
}

protect() {
  if [[ -z $2 ]]; then
    rm -f -- "$GIT_ROOT/$1.auth"
  else
    (umask 077 && printf '%s\n' "$2" >"$GIT_ROOT/$1.auth.new")
    mv "$GIT_ROOT/$1.auth.new" "$GIT_ROOT/$1.auth"
  fi
}

gitserver_pids() { pgrep -f "^[^ ]*python3[^ ]* [^ ]*/gitserver\.py $GIT_ROOT $GIT_ADDRESS " || true; }

ensure_gitserver() {
  if [[ -z $(gitserver_pids) ]]; then
    (
      exec 9>&-
      [[ -n $CONTEXT ]] || join_cgroup
      cd /
      setsid python3 "$here/gitserver.py" "$GIT_ROOT" "$GIT_ADDRESS" "$GIT_PORT" </dev/null >>"$GIT_LOG" 2>&1 &
    )
  fi
  wait_for "the git server" 10 "$GIT_LOG" gitserver_answers
}

gitserver_answers() { [[ $(curl -sS --noproxy '*' --max-time 3 -o /dev/null -w '%{http_code}' "http://$GIT_ADDRESS:$GIT_PORT/") == 404 ]]; }

stop_gitserver() {
  local pid
  for pid in $(gitserver_pids); do
    kill -KILL "$pid" 2>/dev/null || true
    wait_for "the git server to end" 10 "$GIT_LOG" gone "$pid"
  done
}
