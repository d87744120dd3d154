# shellcheck shell=bash
repo() { fail "repo: not there yet"; }
stop_gitserver() { :; }
