# shellcheck shell=bash
# shellcheck disable=SC2153,SC2154 # the variables come from hack/release
# The parts of a release, each a function that adds its files to $OUT. Sourced by hack/release.

IMAGES=(operator agent gateway python)

declare -A TITLES=(
  [operator]='ModelRun operator' [agent]='ModelRun agent and sandbox' [gateway]='ModelRun gateway'
  [python]='Python with numpy, pandas and openpyxl, the default image of ModelRuns'
)

# architecture: this machine's, as OCI images call it. Nothing is cross-compiled (docs/releasing.md says why).
architecture() {
  case $(uname -m) in
  x86_64) echo amd64 ;;
  aarch64) echo arm64 ;;
  *) uname -m ;;
  esac
}

image_file() { echo "modelrun-$1-$VERSION-linux-$ARCH.oci.tar"; }

# licenses_of NAME: as an SPDX expression. LicenseRef-Debian stands for those of Debian's packages, which the SBOM names one by one.
licenses_of() { [[ $1 == python ]] && echo LicenseRef-Debian || echo 'Apache-2.0 AND LicenseRef-Debian'; }

make_image() {
  local archive label=org.opencontainers.image
  archive=$("$repo/hack/images" path "$1") || fail "the image $1 could not be made"
  step "naming image $1" "$LOGS/image-$1.log" python3 "$here/release.d/image.py" "$archive" "$OUT/$(image_file "$1")" \
    --name "$REGISTRY/$1:$VERSION" --created "$SOURCE_DATE_EPOCH" \
    --label "$label.title=${TITLES[$1]}" --label "$label.version=$VERSION" --label "$label.revision=$REVISION" \
    --label "$label.licenses=$(licenses_of "$1")" --label "$label.source=$SOURCE"
  make_sbom image "$1" "$OUT/$(image_file "$1")" "$OUT/modelrun-$1-$VERSION-linux-$ARCH.cdx.json"
}

# make_sbom KIND NAME FILE OUT
make_sbom() {
  step "listing what is in $2" "$LOGS/sbom-$2.log" python3 "$here/release.d/sbom.py" "$@" --version "$VERSION" --created "$SOURCE_DATE_EPOCH" \
    --build "$(dirname "$BINARIES")"
}

# make_chart: helm's archive has the time of packing in it; ours has the commit's.
make_chart() {
  local helm work
  helm=$(find_helm)
  work=$(mktemp -d)
  step "packing the chart" "$LOGS/chart.log" "$helm" package "$repo/charts/modelrun" --destination "$work"
  step "taking its times out" "$LOGS/chart.log" python3 "$here/release.d/archive.py" normalise "$work/modelrun-$VERSION.tgz" \
    "$OUT/modelrun-$VERSION.tgz" "$SOURCE_DATE_EPOCH"
  rm -rf "$work"
}

make_install() { sed "s#registry\.example\.com/modelrun#$REGISTRY#g" "$repo/install.yaml" >"$OUT/install.yaml"; }

plugin_file() { echo "kubectl-modelrun-$VERSION-linux-$ARCH.tar.gz"; }

make_plugin() {
  local program=$BINARIES/kubectl-modelrun-static sbom="$OUT/kubectl-modelrun-$VERSION-linux-$ARCH.cdx.json" work
  [[ -x $program ]] || fail "there is no $program: hack/build release kubectl-modelrun-static makes it"
  ! ldd "$program" >/dev/null 2>&1 || fail "$program wants shared libraries"
  make_sbom program kubectl-modelrun-static "$program" "$sbom"
  work=$(mktemp -d)
  step "collecting licences" "$LOGS/notices.log" python3 "$here/release.d/sbom.py" notices "$work/THIRD-PARTY-NOTICES" "$sbom"
  step "packing kubectl-modelrun" "$LOGS/plugin.log" python3 "$here/release.d/archive.py" pack "$OUT/$(plugin_file)" "$SOURCE_DATE_EPOCH" \
    "$program=kubectl-modelrun" "$repo/LICENSE=LICENSE" "$work/THIRD-PARTY-NOTICES=THIRD-PARTY-NOTICES"
  rm -rf "$work"
}

# make_notices: the licences of what is in the three images of our programs; the Python image has them in /usr/share/doc.
make_notices() {
  local sboms=() name
  for name in operator agent gateway; do sboms+=("$OUT/modelrun-$name-$VERSION-linux-$ARCH.cdx.json"); done
  step "collecting licences" "$LOGS/notices.log" python3 "$here/release.d/sbom.py" notices "$OUT/THIRD-PARTY-NOTICES" "${sboms[@]}"
}

sha256_of() { sha256sum "$1" | cut -d' ' -f1; }

make_krew() {
  cat >"$OUT/modelrun.yaml" <<K
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: modelrun
spec:
  version: v$VERSION
  homepage: $SOURCE
  shortDescription: Run models from git and see what came of them
  description: |
    Starts ModelRuns and ModelSweeps, follows their logs, and shows their
    outputs. It needs the ModelRun operator in the cluster; only
    "kubectl modelrun try" does without one.
  platforms:
  - selector:
      matchLabels:
        os: linux
        arch: $ARCH
    uri: $URL/$(plugin_file)
    sha256: $(sha256_of "$OUT/$(plugin_file)")
    bin: kubectl-modelrun
    files:
    - from: kubectl-modelrun
      to: .
    - from: LICENSE
      to: .
    - from: THIRD-PARTY-NOTICES
      to: .
K
}

# make_sums: sorted by name in the order of bytes, so that it is the same everywhere.
make_sums() {
  (cd "$OUT" && find . -maxdepth 1 -type f ! -name 'SHA256SUMS*' ! -name release.pub -printf '%f\n' | LC_ALL=C sort | xargs sha256sum) >"$OUT/SHA256SUMS"
}

# sign: a DER signature in base64, as `cosign verify-blob` reads it; `openssl dgst` reads it decoded.
sign() {
  if [[ -z $KEY ]]; then
    say "nothing is signed: no --key was given"
    return
  fi
  openssl dgst -sha256 -sign "$KEY" -passin env:RELEASE_KEY_PASSPHRASE "$OUT/SHA256SUMS" 2>"$LOGS/sign.log" | base64 -w 0 >"$OUT/SHA256SUMS.sig" ||
    fail "signing SHA256SUMS with $KEY: failed" "$LOGS/sign.log"
  openssl pkey -in "$KEY" -passin env:RELEASE_KEY_PASSPHRASE -pubout -out "$OUT/release.pub" 2>>"$LOGS/sign.log"
  say "signed with $KEY; SHA256SUMS.sig and release.pub are beside SHA256SUMS"
}

# compare_with_another: the same release from a clone elsewhere. Of this one's caches it has all but the images and cpprestsdk, which are made
# again: helm and Go are not what is compared.
compare_with_another() {
  local work
  work=$(mktemp -d)
  git clone --quiet --no-hardlinks "$repo" "$work/another"
  git -C "$work/another" checkout --quiet "$REVISION"
  mkdir -p "$work/cache/modelrun"
  find "$CACHE" -mindepth 1 -maxdepth 1 ! -name images ! -name 'cpprest-*' -exec ln -s -t "$work/cache/modelrun" {} +
  step "making the release again in $work, without ccache" "$LOGS/twice.log" env -u BINARIES CCACHE_DISABLE=1 "XDG_CACHE_HOME=$work/cache" \
    "$work/another/hack/release" "$VERSION" --out "$work/dist" --registry "$REGISTRY" --url "$URL" --source "$SOURCE"
  diff "$OUT/SHA256SUMS" "$work/dist/SHA256SUMS" >&2 || fail "the two releases differ; the other one is $work/dist"
  rm -rf "$work"
  say "both builds have the same SHA256SUMS: $(sha256_of "$OUT/SHA256SUMS")"
}
