# shellcheck shell=bash
# shellcheck disable=SC2154 # here, BINARIES and USER_ID come from images/rootfs
# shellcheck source=images/programs.sh
. "$here/programs.sh"

rootfs_operator() {
  base_files "$1"
  add_program "$1" "$BINARIES/modelrun-operator" /usr/bin/modelrun-operator
  # The two speak a protocol of their own, so they come together. Each has a container; only this one runs git.
  add_program "$1" "$BINARIES/modelrun-source" /usr/bin/modelrun-source
  add_git "$1"
}

# add_git ROOT: git with its HTTP(S) transport; name resolution as glibc loads it at run time.
add_git() {
  local root=$1 core library
  core=$(git --exec-path)
  add_program "$root" /usr/bin/git /usr/bin/git
  add_program "$root" "$core/git-remote-http" "$core/git-remote-http"
  ln -s git-remote-http "$root$core/git-remote-https"
  ln -s ../../bin/git "$root$core/git"
  mkdir -p "$root/usr/share/git-core/templates"
  for library in libnss_files.so.2 libnss_dns.so.2 libresolv.so.2; do
    library=$(ldconfig -p | awk -v name="$library" '$1 == name && !path { path = $NF } END { print path }')
    [[ -z $library ]] || add_library "$root" "$library" "/usr/lib/${library#*/lib/}"
  done
}
