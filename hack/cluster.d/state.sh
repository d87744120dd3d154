# shellcheck shell=bash
# Where the cluster keeps its things, the lock around changing it, and kubectl against it or another one.

NAME=${MODELRUN_CLUSTER:-modelrun}
STATE=${XDG_STATE_HOME:-$HOME/.local/state}/modelrun/$NAME
KUBECONFIG_FILE=$STATE/kubeconfig
KUBENODE='' # set by kubenode_path
# shellcheck disable=SC2034 # the addresses are read by the other files
HOST_IP=10.250.0.1 NODE_IP=10.250.0.2 NODE_NAME=node1 POD_CIDR=10.251.0.0/24 SERVICE_CIDR=10.96.0.0/16 HOST_LINK=modelrun0

[[ $NAME =~ ^[a-z0-9][a-z0-9-]{0,30}$ ]] || fail "MODELRUN_CLUSTER: '$NAME' is not a name (a-z, 0-9, -)"
# Unix sockets below it may have 107 characters; /var/lib and /var/log are overlaid inside the node.
((${#STATE} <= 70)) || fail "the state directory's path is too long: $STATE (at most 70 characters)"
case $STATE in /var/lib/* | /var/log/* | /run/* | /var/run/*) fail "the state directory cannot be in $STATE: choose another XDG_STATE_HOME" ;; esac

# own_cluster COMMAND: refuses --context for what only our own node can do.
own_cluster() { [[ -z $CONTEXT ]] || fail "$1 does not work with --context: it is about the cluster that this script starts"; }

LOCK_FILE=/run/lock/modelrun-cluster.lock

# lock: one change at a time on this machine. The file goes away with `down`, hence the check that we hold the one that is
# there.
lock() {
  require_root
  mkdir -p "$(dirname "$LOCK_FILE")"
  while true; do
    exec 9>"$LOCK_FILE"
    flock -n 9 || { say "waiting for another hack/cluster (lock $LOCK_FILE)"; flock 9; }
    [[ $(stat -Lc %i /proc/self/fd/9) != $(stat -c %i "$LOCK_FILE" 2>/dev/null || true) ]] || return 0
  done
}

unlock() { rm -f -- "$LOCK_FILE"; }

# kubenode_path: sets KUBENODE to the executable for this checkout's hack/node, built or not. Its helm stands beside it.
kubenode_path() {
  KUBENODE=$CACHE/node/$(hash_of "$here"/node/main.go "$here"/node/go.mod "$here"/node/go.sum)/kubenode
}

ensure_kubenode() {
  local version minor programs=(.)
  kubenode_path
  if [[ ! -x $KUBENODE ]]; then
    find_go >/dev/null # says so if it has to get one
    [[ -n $(type -P helm) ]] || programs+=(helm.sh/helm/v3/cmd/helm)
    version=$(sed -n 's#^\tk8s.io/kubernetes v##p' "$here/node/go.mod")
    minor=${version#*.}
    step "building Kubernetes $version and helm (up to 10 minutes the first time)" "$CACHE/log/kubenode.log" build_go "${KUBENODE%/*}" \
      "-X k8s.io/component-base/version.gitVersion=v$version -X k8s.io/component-base/version.gitMajor=${version%%.*} -X k8s.io/component-base/version.gitMinor=${minor%%.*}" \
      "${programs[@]}"
  fi
  link_program kubectl "$KUBENODE"
}

# ensure_helm: sets HELM; the machine's own, else that of hack/node, which has most of its packages from the node's build.
ensure_helm() {
  HELM=$(type -P helm || true)
  [[ -z $HELM ]] || return 0
  kubenode_path
  HELM=${KUBENODE%/*}/helm
  [[ -x $HELM ]] || step "building helm (2 to 3 minutes, once)" "$CACHE/log/helm.log" build_go "${KUBENODE%/*}" "" helm.sh/helm/v3/cmd/helm
  link_program helm "$HELM"
}

# build_go FOLDER LINKER-FLAGS PACKAGE...: into FOLDER, kubenode for the module's own package. Without debugging information and with
# fewer garbage collections the compiler takes a seventh less time.
build_go() {
  local folder=$1 flags=$2 new=$1.$$ go
  shift 2
  go=$(find_go)
  rm -rf "$new"
  mkdir -p "$folder" "$new"
  env -C "$here/node" CGO_ENABLED=0 GOTOOLCHAIN=local GOGC=400 "$go" build -trimpath -buildvcs=false -gcflags=all=-dwarf=false \
    -ldflags "-s -w $flags" -o "$new/" "$@" || return 1
  [[ ! -e $new/node ]] || mv -f "$new/node" "$new/kubenode"
  mv -f "$new"/* "$folder/"
  rmdir "$new"
}

# link_program NAME PATH: so that people and tests find it in the cache's bin.
link_program() {
  mkdir -p "$CACHE/bin"
  [[ $(readlink "$CACHE/bin/$1" || true) == "$2" ]] || ln -sfn "$2" "$CACHE/bin/$1"
}

# kubectl ARGS...: against our cluster, or the one of --context.
kubectl() {
  kubenode_path
  if [[ -n $CONTEXT ]]; then
    local program=("$KUBENODE" kubectl) where=()
    [[ -x $KUBENODE ]] || program=("$(type -P kubectl || true)")
    [[ -n ${program[0]} ]] || fail "no kubectl in PATH"
    [[ -z $FOREIGN_KUBECONFIG ]] || where=(--kubeconfig "$FOREIGN_KUBECONFIG")
    "${program[@]}" "${where[@]}" --context "$CONTEXT" "$@"
  else
    [[ -r $KUBECONFIG_FILE ]] || fail "no cluster $NAME (hack/cluster up)"
    KUBECACHEDIR=$STATE/kubectl-cache "$KUBENODE" kubectl --kubeconfig "$KUBECONFIG_FILE" "$@"
  fi
}

kubeconfig() {
  if [[ -n $CONTEXT ]]; then
    echo "${FOREIGN_KUBECONFIG:-${KUBECONFIG:-$HOME/.kube/config}}"
  else
    [[ -r $KUBECONFIG_FILE ]] || fail "no cluster $NAME (hack/cluster up)"
    echo "$KUBECONFIG_FILE"
  fi
}
