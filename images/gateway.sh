# shellcheck shell=bash
# shellcheck disable=SC2154 # here, BINARIES and USER_ID come from images/rootfs
# shellcheck source=images/programs.sh
. "$here/programs.sh"

rootfs_gateway() {
  base_files "$1"
  add_program "$1" "$BINARIES/modelrun-gateway" /usr/bin/modelrun-gateway
}
