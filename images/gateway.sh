# shellcheck shell=bash
. "$here/programs.sh"

rootfs_gateway() {
  base_files "$1"
  add_program "$1" "$BINARIES/modelrun-gateway" /usr/bin/modelrun-gateway
}
