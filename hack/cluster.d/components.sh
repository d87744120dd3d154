# shellcheck shell=bash
# The node's components: how each is started, found again and judged healthy.

COMPONENTS=(etcd containerd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy)
PAUSE_IMAGE=localhost/modelrun-pause:dev

# component_pid NAME: its process id, or nothing.
component_pid() {
  local program="[^ ]*/kubenode $1 "
  [[ -n $HOLDER ]] || return 0
  [[ $1 != containerd ]] || program="[^ ]*/containerd -c "
  pgrep --ns "$HOLDER" --nslist pid -f "^$program" | head -n 1 || true
}

# start NAME ARGS...: detached, as a child of the holder. Inside, sh backgrounds it and ends.
start() {
  local name=$1 program=("$KUBENODE" "$1")
  shift
  [[ $name != containerd ]] || program=("$PROGRAMS/containerd")
  say "starting $name"
  (
    exec 9>&-
    join_cgroup
    # shellcheck disable=SC2016
    exec nsenter -t "$HOLDER" -m -n -p -- env -i PATH="$PROGRAMS:$PATH" HOME=/root MODELRUN_NODE_COMPONENT="$STATE" \
      /bin/sh -c 'log=$1; shift; cd /; setsid "$@" </dev/null >>"$log" 2>&1 &' - "$STATE/log/$name.log" "${program[@]}" "$@"
  )
}

start_etcd() {
  start etcd --name "$NODE_NAME" --data-dir "$STATE/etcd" --unsafe-no-fsync --log-level warn --logger zap \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster "$NODE_NAME=http://127.0.0.1:2380" \
    --auto-compaction-mode periodic --auto-compaction-retention 5m --quota-backend-bytes $((8 << 30))
}

start_containerd() { start containerd -c "$STATE/etc/containerd.toml"; }

start_kube-apiserver() {
  start kube-apiserver --etcd-servers http://127.0.0.1:2379 \
    --secure-port 6443 --bind-address "$NODE_IP" --advertise-address "$NODE_IP" \
    --tls-cert-file "$PKI/apiserver.crt" --tls-private-key-file "$PKI/apiserver.key" --client-ca-file "$PKI/ca.crt" \
    --service-account-key-file "$PKI/sa.pub" --service-account-signing-key-file "$PKI/sa.key" \
    --service-account-issuer https://kubernetes.default.svc.cluster.local \
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged=true \
    --kubelet-client-certificate "$PKI/apiserver-to-kubelet.crt" --kubelet-client-key "$PKI/apiserver-to-kubelet.key" \
    --kubelet-certificate-authority "$PKI/ca.crt" --kubelet-preferred-address-types InternalIP \
    --service-cluster-ip-range "$SERVICE_CIDR" \
    --audit-policy-file "$STATE/etc/audit-policy.yaml" --audit-log-path "$STATE/audit.log" \
    --audit-log-maxsize 8192 --audit-log-maxbackup 1
}

start_kube-controller-manager() {
  start kube-controller-manager --kubeconfig "$STATE/etc/controller-manager.kubeconfig" --bind-address 127.0.0.1 \
    --leader-elect=false --use-service-account-credentials=true --service-account-private-key-file "$PKI/sa.key" \
    --root-ca-file "$PKI/ca.crt" --cluster-signing-cert-file "$PKI/ca.crt" --cluster-signing-key-file "$PKI/ca.key" \
    --kube-api-qps 200 --kube-api-burst 400
}

start_kube-scheduler() {
  start kube-scheduler --kubeconfig "$STATE/etc/scheduler.kubeconfig" --bind-address 127.0.0.1 --leader-elect=false \
    --kube-api-qps 200 --kube-api-burst 400
}

start_kubelet() {
  start kubelet --config "$STATE/etc/kubelet.yaml" --kubeconfig "$STATE/etc/kubelet.kubeconfig" \
    --node-ip "$NODE_IP" --hostname-override "$NODE_NAME" --root-dir "$STATE/kubelet" --cert-dir "$STATE/kubelet/pki"
}

start_kube-proxy() {
  start kube-proxy --kubeconfig "$STATE/etc/proxy.kubeconfig" --proxy-mode nftables --hostname-override "$NODE_NAME" \
    --cluster-cidr "$POD_CIDR" --oom-score-adj 0 \
    --conntrack-max-per-core 0 --conntrack-tcp-timeout-established 0s --conntrack-tcp-timeout-close-wait 0s
}

# healthy NAME: asks the component itself.
healthy() {
  case $1 in
  etcd) probe http://127.0.0.1:2379/health ;;
  containerd) containerd_ctr version ;;
  kube-apiserver) kubectl get --raw /readyz ;;
  kube-controller-manager) probe https://127.0.0.1:10257/healthz ;;
  kube-scheduler) probe https://127.0.0.1:10259/healthz ;;
  kubelet) probe http://127.0.0.1:10248/healthz ;;
  kube-proxy) probe http://127.0.0.1:10249/healthz ;;
  esac >/dev/null 2>&1
}

probe() { in_network curl -fskS --noproxy '*' --max-time 3 "$1"; }

containerd_ctr() {
  nsenter -t "$HOLDER" -m -n -p -- env CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS=1 "$PROGRAMS/ctr" -a "$STATE/containerd.sock" -n k8s.io "$@"
}

ensure_component() {
  [[ -n $(component_pid "$1") ]] || "start_$1"
}

# ensure_components: the API server needs etcd, kubelet needs containerd, everything else waits for the API server itself.
ensure_components() {
  ensure_component etcd
  ensure_component containerd
  wait_component etcd 30
  ensure_component kube-apiserver
  wait_component containerd 30
  wait_component kube-apiserver 90
  ensure_component kube-controller-manager
  ensure_component kube-scheduler
  ensure_component kubelet
  ensure_component kube-proxy
}

# wait_component NAME SECONDS: until healthy; at once an error when its process has ended.
wait_component() {
  local name=$1
  wait_for "$name" "$2" "$STATE/log/$name.log" healthy_or_dead "$name"
  healthy "$name" || fail "$name has ended" "$STATE/log/$name.log"
}

healthy_or_dead() { healthy "$1" || [[ -z $(component_pid "$1") ]]; }

node_ready() { [[ $(kubectl get node "$NODE_NAME" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}') == True ]]; }

default_service_account() { kubectl get serviceaccount default -n default; }

wait_healthy() {
  local component
  for component in kube-controller-manager kube-scheduler kubelet kube-proxy; do wait_component "$component" 60; done
  wait_for "the node to be Ready" 60 "$STATE/log/kubelet.log" node_ready
  wait_for "the default service account" 60 "$STATE/log/kube-controller-manager.log" default_service_account
}

# ---- images

# import_image ARCHIVE: prints "NAME DIGEST". An image that is there already is not read again. The name with the digest, by which
# a pod may ask for it, is given last: without it an earlier import was killed half-way, whatever the other name says.
import_image() {
  local image name digest
  image=$(image_of "$1")
  read -r name digest <<<"$image"
  if [[ $(image_digest "$name") != "$digest" || -z $(image_digest "${name%:*}@$digest") ]]; then
    say "importing $name"
    containerd_ctr images import - <"$1" >"$STATE/log/import.log" 2>&1 || fail "cannot import $1" "$STATE/log/import.log"
    containerd_ctr images tag --force "$name" "${name%:*}@$digest" >>"$STATE/log/import.log" 2>&1 || fail "cannot tag $name" "$STATE/log/import.log"
  fi
  [[ $(image_digest "$name") == "$digest" ]] || fail "$1 was imported, but $name is another image" "$STATE/log/import.log"
  printf '%s %s\n' "$name" "$digest"
}

# image_of ARCHIVE: prints "NAME DIGEST".
image_of() {
  tar -xOf "$1" --occurrence=1 index.json | jq -r '.manifests[0] | .annotations["io.containerd.image.name"] + " " + .digest'
}

image_digest() { containerd_ctr images ls "name==$1" | awk -v name="$1" '$1 == name { print $3 }'; }

ensure_pause_image() {
  import_image "$("$here/images" path pause)" >/dev/null
}
