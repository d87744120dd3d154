# shellcheck shell=bash
# shellcheck disable=SC2154 # here, BINARIES and USER_ID come from images/rootfs
rootfs_pause() { gcc -static -Os -s -Wall -Wextra -o "$1/pause" "$here/pause/pause.c"; }
