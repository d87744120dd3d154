# shellcheck shell=bash
rootfs_pause() { gcc -static -Os -s -Wall -Wextra -o "$1/pause" "$here/pause/pause.c"; }
