# shellcheck shell=bash
# cpprestsdk as a static archive, which Debian's package does not have: compiled from the source of that package. Sourced after lib.sh.

# The source of libcpprest-dev in Debian 12; the headers of the two must be of one version.
CPPREST_SOURCE=2.10.18-1
CPPREST_ORIG=6bd74a637ff182144b6a4271227ea8b6b3ea92389f88b25b215e6f94fd4d41cb
CPPREST_DEBIAN=3b8b443694a5de2e88efda947d5bfd8315a887d6c78aea0e47cfe92485ee9ecb

# fetch_cpprest FOLDER: the source files, by apt from the machine's own mirror, whose entries for sources are made for this call only. Their
# digests stand above, so that what is compiled into a release does not depend on the mirror.
fetch_cpprest() {
  local apt=$1/apt options mirror
  mkdir -p "$apt/lists/partial" "$apt/sources"
  # shellcheck disable=SC2016 # apt's own format
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 'Origin: Debian' | head -n 1)
  [[ -n $mirror ]] || { echo "apt knows no mirror of Debian 12: put one into /etc/apt/sources.list.d" >&2; return 1; }
  printf 'Types: deb-src\nURIs: %s\nSuites: bookworm\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' "$mirror" >"$apt/sources/debian.sources"
  options=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$apt/sources" -o "Dir::State::lists=$apt/lists"
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update &&
    (cd "$1" && apt-get "${options[@]}" source --download-only "cpprest=$CPPREST_SOURCE") &&
    printf '%s  %s\n' "$CPPREST_ORIG" "$1/cpprest_${CPPREST_SOURCE%-*}.orig.tar.gz" \
      "$CPPREST_DEBIAN" "$1/cpprest_$CPPREST_SOURCE.debian.tar.xz" | sha256sum --check --strict
}

# compile_cpprest FOLDER: FOLDER/libcpprest.a, with Debian's settings but for what nothing here uses: websockets. Its two patches are for its
# tests. Paths are replaced, so that the archive does not depend on where it was made.
compile_cpprest() {
  local folder=$1 work=$1.$$
  rm -rf "$work"
  mkdir -p "$work/source"
  fetch_cpprest "$work" &&
    tar -xzf "$work/cpprest_${CPPREST_SOURCE%-*}.orig.tar.gz" -C "$work/source" --strip-components 1 &&
    CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1 cmake -S "$work/source/Release" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
      "-DCMAKE_CXX_FLAGS_RELEASE=-O2 -DNDEBUG -ffunction-sections -ffile-prefix-map=$work=cpprest" -DBUILD_SHARED_LIBS=OFF -DBUILD_TESTS=OFF -DBUILD_SAMPLES=OFF \
      -DCPPREST_EXCLUDE_WEBSOCKETS=ON -DCPPREST_EXCLUDE_BROTLI=OFF -DWERROR=OFF "-DCMAKE_CXX_COMPILER_LAUNCHER=$(command -v ccache || true)" &&
    CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1 ninja -C "$work/build" -j "$(nproc)" cpprest &&
    mkdir -p "$folder" && cp "$(find "$work/build" -name libcpprest.a)" "$folder/libcpprest.a.new" && mv "$folder/libcpprest.a.new" "$folder/libcpprest.a" || return 1
  rm -rf "$work"
}

# find_static_cpprest: prints the path of libcpprest.a; compiles it (two minutes on two cores) where the cache has none.
find_static_cpprest() {
  local folder installed
  # shellcheck disable=SC2016 # dpkg's own format
  installed=$(dpkg-query -W -f '${source:Version}' libcpprest-dev)
  [[ $installed == "$CPPREST_SOURCE" ]] ||
    fail "libcpprest-dev is of cpprest $installed, and hack/release.d/cpprest.sh knows the source of $CPPREST_SOURCE: write the new version and its digests there"
  folder=$CACHE/cpprest-$(hash_of "${BASH_SOURCE[0]}")
  [[ -s $folder/libcpprest.a ]] || step "compiling cpprestsdk as a static archive (two minutes, once)" "$CACHE/log/cpprest.log" compile_cpprest "$folder"
  echo "$folder/libcpprest.a"
}
