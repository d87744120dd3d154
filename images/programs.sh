# shellcheck shell=bash
# shellcheck disable=SC2154 # here, BINARIES and USER_ID come from images/rootfs
# For images that hold dynamically linked programs and no distribution.

# base_files ROOT: what a program without a distribution expects: users, certificates, name resolution, /tmp.
base_files() {
  mkdir -p "$1"/{etc/ssl/certs,usr/bin,usr/lib,lib64,tmp,home/modelrun}
  chmod 1777 "$1/tmp"
  ln -s usr/lib "$1/lib"
  ln -s usr/bin "$1/bin"
  printf 'root:x:0:0:root:/:/sbin/nologin\nmodelrun:x:%s:%s:modelrun:/home/modelrun:/sbin/nologin\n' "$USER_ID" "$USER_ID" >"$1/etc/passwd"
  printf 'root:x:0:\nmodelrun:x:%s:\n' "$USER_ID" >"$1/etc/group"
  printf 'hosts: files dns\n' >"$1/etc/nsswitch.conf"
  install -m 0644 /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/ca-certificates.crt"
}

# add_program ROOT FILE PATH: a stripped copy of FILE at PATH, with the shared libraries it needs where the loader looks.
add_program() {
  local root=$1 file=$2 library
  install -D -m 0755 "$file" "$root$3"
  strip "$root$3" 2>/dev/null || true # a script has nothing to strip
  # Names rather than real paths: the loader looks for sonames.
  ldd "$file" 2>/dev/null | grep -oE '/[^ ]+' | sort -u | while read -r library; do
    case $library in
    /lib64/*) add_library "$root" "$library" "$library" ;;
    *) add_library "$root" "$library" "/usr/lib/${library#*/lib/}" ;;
    esac
  done
}

add_library() {
  [[ ! -e $1$3 ]] || return 0
  install -D -m 0755 "$(readlink -f "$2")" "$1$3"
  strip --strip-unneeded "$1$3"
}
