# shellcheck shell=bash
# Where the cluster keeps its things, the lock around changing it, and kubectl against it or another one.

NAME=${MODELRUN_CLUSTER:-modelrun}
STATE=${XDG_STATE_HOME:-$HOME/.local/state}/modelrun/$NAME
KUBECONFIG_FILE=$STATE/kubeconfig
# shellcheck disable=SC2034 # the addresses are read by the other files
HOST_IP=10.250.0.1 NODE_IP=10.250.0.2 NODE_NAME=node1 POD_CIDR=10.251.0.0/24 SERVICE_CIDR=10.96.0.0/16 HOST_LINK=modelrun0 API_SERVER=https://$NODE_IP:6443

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

# node_paths: sets PROGRAMS, where this checkout's container runtime is, built or not; MODFILE, by which the cluster's
# Kubernetes is compiled; and KUBENODE, its executable.
node_paths() {
  MODFILE=go.mod
  [[ $(cat "$STATE/kubernetes" 2>/dev/null) != oldest ]] || MODFILE=oldest.mod
  PROGRAMS=$(node_folder go.mod)
  KUBENODE=$(node_folder "$MODFILE")/kubenode
}
node_paths

# choose_kubernetes newest|oldest|'': for as long as there is this cluster, as neither reads what the other's etcd has stored.
choose_kubernetes() {
  local there
  there=$(cat "$STATE/kubernetes" 2>/dev/null || echo "${1:-newest}")
  [[ ${1:-$there} == @(newest|oldest) ]] || fail "up: no Kubernetes '$1' (there are: newest oldest)"
  [[ ${1:-$there} == "$there" ]] || fail "cluster $NAME has the $there Kubernetes; end it first (hack/cluster down)"
  mkdir -p "$STATE"
  echo "$there" >"$STATE/kubernetes"
  node_paths
}

RUNTIME=(containerd containerd-shim-runc-v2 ctr)

# ensure_programs: what the node runs. Kubernetes and containerd have many packages in common, hence one call for all that is missing;
# helm, which is told its version of Kubernetes in another way, then has most of its packages from it.
ensure_programs() {
  local packages=()
  find_runc >/dev/null
  ls "${RUNTIME[@]/#/$PROGRAMS/}" >/dev/null 2>&1 || packages+=("${RUNTIME[@]/#/github.com/containerd/containerd/v2/cmd/}")
  [[ -x $PROGRAMS/kubenode || $MODFILE != go.mod ]] || packages+=(.)
  ((${#packages[@]} == 0)) || build_kubernetes go.mod "${packages[@]}"
  [[ -x $KUBENODE ]] || build_kubernetes "$MODFILE" .
  find_helm >/dev/null
  link_program kubectl "$KUBENODE"
}

# kubectl ARGS...: against our cluster, or the one of --context.
kubectl() {
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
