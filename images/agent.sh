# shellcheck shell=bash
# shellcheck disable=SC2154 # here, BINARIES and USER_ID come from images/rootfs
# The agent is one static binary, copied by itself into an emptyDir: no libc, no shell.
rootfs_agent() {
  install -m 0755 "$BINARIES/modelrun-sandbox" "$1/modelrun-sandbox"
  strip "$1/modelrun-sandbox"
  ! ldd "$1/modelrun-sandbox" >/dev/null 2>&1 || { echo "modelrun-sandbox is not static" >&2; return 1; }
}
