# shellcheck shell=bash
# Installs the product by its chart, as an administrator would, and waits until it runs.

SYSTEM_NAMESPACE=modelrun-system
GATEWAY_ADDRESS=10.96.200.80 # of its Service: fixed, so that it can be named as an allowed host

# deploy [HELM TEMPLATE ARGS]: run it again after a change; what has not changed is not restarted.
deploy() {
  local log values=()
  HELM=$(find_helm)
  log=$CACHE/log/deploy.log
  mkdir -p "$CACHE/log"
  [[ -n $CONTEXT ]] || local_values
  say "applying charts/modelrun"
  : >"$log"
  kubectl get namespace "$SYSTEM_NAMESPACE" >/dev/null 2>&1 || kubectl create namespace "$SYSTEM_NAMESPACE" >>"$log"
  # Operator and gateway need no more than this; whatever else were put there would not get more either.
  kubectl label --overwrite namespace "$SYSTEM_NAMESPACE" pod-security.kubernetes.io/enforce=restricted >>"$log" 2>&1 ||
    fail "labelling namespace $SYSTEM_NAMESPACE: failed" "$log"
  "$HELM" template modelrun "$repo/charts/modelrun" --namespace "$SYSTEM_NAMESPACE" "${values[@]}" "$@" >"$log.yaml" 2>>"$log" ||
    fail "rendering charts/modelrun: failed" "$log"
  kubectl apply --server-side --force-conflicts -f "$log.yaml" >>"$log" 2>&1 || fail "applying charts/modelrun: failed" "$log"
  kubectl wait --for condition=Established --timeout 30s -f "$repo/crds/" >>"$log" 2>&1 || fail "the CRDs are not established" "$log"
  wait_rollout
}

# local_values: makes and imports the images, and pins them by digest: new content is a new pod template. Adds what suits
# only a cluster like ours: repositories over plain HTTP on a private address, and this kernel's abilities.
local_values() {
  local name digest
  need_running
  "$here/images" load agent operator python gateway >/dev/null
  for name in agent operator python gateway; do
    digest=$(image_digest "localhost/modelrun-$name:dev")
    values+=(--set-string "image.$name=localhost/modelrun-$name@$digest")
  done
  values+=(--set operator.git.allowHTTP=true --set operator.git.allowPrivateAddresses=true)
  values+=(--set gateway.enabled=true --set gateway.replicas=1)
  values+=(--set-string "gateway.service.clusterIP=$GATEWAY_ADDRESS" --set-string "gateway.allowedHosts={$GATEWAY_ADDRESS}")
  if ! has_landlock; then
    say "this kernel has no Landlock: runs go without that ring (operator.landlock=optional)"
    values+=(--set operator.landlock=optional)
  fi
}

# values: what a release of somebody's own needs to work here.
values() {
  local values=()
  own_cluster values
  local_values
  printf '%s\n' "${values[@]}"
}

# gateway [--role ROLE] [--namespace NAMESPACE] [HELM TEMPLATE ARGS]: deploys; prints the gateway's URL, and a token of a service
# account that has the role there.
gateway() {
  local role=editor namespace=modelrun-demo account
  while (($# > 1)); do
    case $1 in
    --role) role=$2 ;;
    --namespace) namespace=$2 ;;
    *) break ;;
    esac
    shift 2
  done
  [[ $role == @(viewer|editor|owner) ]] || fail "no role '$role' (there are: viewer editor owner)"
  own_cluster gateway
  need_running
  deploy "$@"
  account=gateway-$role
  {
    kubectl create namespace "$namespace" --dry-run=client -o yaml
    echo ---
    kubectl create serviceaccount "$account" -n "$namespace" --dry-run=client -o yaml
    echo ---
    kubectl create rolebinding "$account" -n "$namespace" --clusterrole "modelrun-$role" --serviceaccount "$namespace:$account" \
      --dry-run=client -o yaml
  } | kubectl apply --server-side --force-conflicts -f - >/dev/null
  echo "http://$GATEWAY_ADDRESS"
  kubectl create token "$account" -n "$namespace" --audience modelrun.dev/gateway --duration 1h
}

# has_landlock: landlock_create_ruleset(NULL, 0, VERSION) gives the version, or -1.
has_landlock() { python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).syscall(444, None, 0, 1) < 1)'; }

wait_rollout() {
  local deployment
  for deployment in $(kubectl get deployment -n "$SYSTEM_NAMESPACE" -l app.kubernetes.io/instance=modelrun -o name); do
    say "waiting for $deployment (at most 120 s)"
    kubectl rollout status -n "$SYSTEM_NAMESPACE" "$deployment" --timeout 120s >&2 || {
      kubectl get pods -n "$SYSTEM_NAMESPACE" -o wide >&2 || true
      kubectl get events -n "$SYSTEM_NAMESPACE" --field-selector type=Warning --sort-by .lastTimestamp 2>/dev/null | tail -n 8 >&2 || true
      kubectl logs -n "$SYSTEM_NAMESPACE" -l app.kubernetes.io/instance=modelrun --prefix --tail 4 >&2 || true
      fail "$deployment is not ready; read on with: hack/cluster kubectl logs -n $SYSTEM_NAMESPACE $deployment --all-pods"
    }
  done
}
