# shellcheck shell=bash
# What status, load and logs do with --context: on a cluster that somebody else has started.

status_of_context() {
  local bad=0
  state_of Ready node -l kubernetes.io/os=linux || bad=1
  state_of Established crd modelruns.modelrun.dev modelprojects.modelrun.dev modelsweeps.modelrun.dev || bad=1
  state_of Available deployment -n "$SYSTEM_NAMESPACE" -l app.kubernetes.io/instance=modelrun || bad=1
  ((bad == 0)) || fail "not everything is there and healthy on $CONTEXT; hack/cluster --context $CONTEXT deploy installs CRDs, operator and gateway"
}

# state_of CONDITION KUBECTL ARGS...: shows the objects; fails when one has not the condition, or there are none.
state_of() {
  local condition=$1
  shift
  kubectl get "$@" && kubectl wait --for "condition=$condition" --timeout 0 "$@" >/dev/null
}

# load_into_context ARCHIVE...: by the tool that made the cluster, which knows its nodes.
load_into_context() {
  local archive loader=()
  case $CONTEXT in
  kind-*) loader=(kind load image-archive --name "${CONTEXT#kind-}") ;;
  minikube) loader=(minikube image load) ;;
  k3d-*) loader=(k3d image import --cluster "${CONTEXT#k3d-}") ;;
  *)
    say "load: $CONTEXT is no cluster of kind (kind-*), minikube or k3d (k3d-*): push the image to a registry that its nodes can pull"
    say "from (for example: skopeo copy oci-archive:IMAGE.tar docker://REGISTRY/NAME:TAG), then name it in the chart's values"
    exit 2
    ;;
  esac
  type -P "${loader[0]}" >/dev/null ||
    fail "load: no ${loader[0]} in PATH, which $CONTEXT takes images from; or push to a registry (skopeo copy oci-archive:IMAGE.tar docker://REGISTRY/NAME:TAG)"
  for archive in "$@"; do
    [[ -r $archive ]] || fail "load: cannot read $archive"
    "${loader[@]}" "$archive" >&2 || fail "load: ${loader[*]} $archive: failed"
    image_of "$archive"
  done
}

logs_of_context() {
  if [[ -z ${1:-} ]]; then
    kubectl get deployment -n "$SYSTEM_NAMESPACE" -l app.kubernetes.io/instance=modelrun -o name | sed 's#.*/modelrun-##'
  else
    kubectl get deployment -n "$SYSTEM_NAMESPACE" "modelrun-$1" >/dev/null
    kubectl logs -n "$SYSTEM_NAMESPACE" -l "app.kubernetes.io/instance=modelrun,app.kubernetes.io/component=$1" --prefix --tail -1
  fi
}
