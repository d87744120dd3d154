# shellcheck shell=bash
# shellcheck disable=SC2154 # here, BINARIES and USER_ID come from images/rootfs
# One static binary, without libc and shell, and the Python harness. The containers of models mount this image, or the binary installs
# itself and the harness in an emptyDir for them.
rootfs_agent() {
  install -m 0755 "$BINARIES/modelrun-sandbox" "$1/modelrun-sandbox"
  strip "$1/modelrun-sandbox"
  "$1/modelrun-sandbox" write-harness "$1"
  ! ldd "$1/modelrun-sandbox" >/dev/null 2>&1 || { echo "modelrun-sandbox is not static" >&2; return 1; }
}
