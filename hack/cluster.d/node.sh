# shellcheck shell=bash
# The node as the machine sees it: one *holder* process that is process 1 of its own process, mount and network
# namespaces. Every component and every container lives in there, so that killing the holder ends all of them and takes
# their mounts, interfaces and nftables rules with it, whatever state they were in. What the kernel does not clean up by
# itself is little: cgroups, a few sysctls and the state directory.
#
# There are no pid files that could grow stale: the holder is found by its environment, a component by its command line
# within the holder's process namespace.

HOLDER='' # set by read_holder

# holders [STATE DIRECTORY]: the processes that are number 1 of a process namespace below ours and carry our marker, of any
# cluster or of that one.
holders() {
  local pid
  # grep, as it takes no notice of processes that end meanwhile.
  grep -hs '^NSpid:' /proc/[0-9]*/status | awk 'NF == 3 && $3 == 1 { print $2 }' | while read -r pid; do
    if tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -s "^MODELRUN_NODE=${1:-/.*}\$" >/dev/null; then echo "$pid"; fi
  done
  return 0
}

read_holder() { HOLDER=$(holders "$STATE" | head -n 1); }

# another_cluster: whether the node's link, cgroups and sysctls are some other cluster's.
another_cluster() { [[ -z $(holders "$STATE") && -n $(holders) ]]; }

need_running() {
  require_root
  read_holder
  [[ -n $HOLDER ]] || fail "cluster $NAME is not running (hack/cluster up)"
}

# in_network COMMAND...: in the node's network namespace, with this machine's files.
in_network() { nsenter -t "$HOLDER" -n -- "$@"; }

# What the holder does before it sleeps for ever. /var/lib and /var/log are overlaid because kubelet, containerd and CNI
# have paths there that cannot be configured; /run is fresh for the same reason. The loop also reaps orphans.
read -r -d '' HOLDER_SCRIPT <<'S' || true
set -e
state=$1
mount --make-rshared /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
for directory in lib log; do
  mkdir -p "$state/var/$directory.upper" "$state/var/$directory.work"
  mount -t overlay -o "lowerdir=/var/$directory,upperdir=$state/var/$directory.upper,workdir=$state/var/$directory.work" overlay "/var/$directory"
done
touch /run/modelrun-holder-ready
while :; do sleep 86400 & wait $! || :; done
S

ensure_holder() {
  read_holder
  if [[ -z $HOLDER ]]; then
    clean_after_holder
    make_cgroups
    save_sysctls
    (
      exec 9>&- # the lock must not outlive this script in a process that stays
      join_cgroup
      # shellcheck disable=SC2016 # the inner shell expands it
      exec env -i PATH="$PATH" HOME=/root MODELRUN_NODE="$STATE" unshare --net --mount --pid -- \
        /bin/sh -c 'setsid bash -c "$1" modelrun-node "$2" </dev/null >>"$2/log/holder.log" 2>&1 &' - "$HOLDER_SCRIPT" "$STATE"
    )
  fi
  wait_for "the node's namespaces" 10 "$STATE/log/holder.log" holder_ready
}

holder_ready() {
  read_holder
  [[ -n $HOLDER && -e /proc/$HOLDER/root/run/modelrun-holder-ready ]]
}

# clean_after_holder: as a reboot would: containers and addresses are gone, images and etcd's data stay.
clean_after_holder() {
  rm -rf -- "$STATE/ipam" "$STATE/policy" "${STATE:?}/var"
  mkdir -p "$STATE/policy"
  remove_cgroups modelrun/kubepods
}

stop_holder() {
  local pid
  for pid in $(holders "$STATE"); do
    kill -KILL "$pid" 2>/dev/null || true
    wait_for "the node's processes to end" 30 "$STATE/log/holder.log" gone "$pid"
  done
}

gone() { [[ ! -d /proc/$1 || $(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) =~ ^[ZX]?$ ]]; }

# ---- network

refuse_second_instance() {
  ! another_cluster || fail "another cluster is up on this machine; end it first (MODELRUN_CLUSTER=NAME hack/cluster down)"
}

ensure_network() {
  if ! in_network ip link show uplink >/dev/null 2>&1; then remove_network; fi # an earlier node's that is not gone yet
  if ! ip link show "$HOST_LINK" >/dev/null 2>&1; then
    ip link add "$HOST_LINK" type veth peer name uplink netns "$HOLDER"
  fi
  ip addr replace "$HOST_IP/24" dev "$HOST_LINK"
  ip link set "$HOST_LINK" up
  in_network ip link set lo up
  in_network ip addr replace "$NODE_IP/24" dev uplink
  in_network ip link set uplink up
  in_network ip route replace default via "$HOST_IP"
  # rp_filter: a pod cannot borrow another pod's address, which the policy below goes by.
  in_network sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1
  ip route replace "$POD_CIDR" via "$NODE_IP"
  ip route replace "$SERVICE_CIDR" via "$NODE_IP"
  in_network nft list table inet modelrun >/dev/null 2>&1 || in_network nft -f "$STATE/policy.nft"
}

# The pair goes with the network namespace, which the kernel takes down a moment after its last process.
remove_network() {
  local try
  for try in {1..50}; do
    ip link show "$HOST_LINK" >/dev/null 2>&1 || return 0
    ((try < 25)) || ip link delete "$HOST_LINK" 2>/dev/null || true
    sleep 0.1
  done
  fail "interface $HOST_LINK does not go away"
}

# ---- cgroups: /modelrun in every hierarchy; the components in /modelrun/node, pods in /modelrun/kubepods

cgroup_roots() {
  if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
    echo /sys/fs/cgroup
  else
    awk '($3 == "cgroup" || $3 == "cgroup2") && $2 ~ "^/sys/fs/cgroup/" { print $2 }' /proc/self/mounts
  fi
}

make_cgroups() {
  local root file
  for root in $(cgroup_roots); do
    mkdir -p "$root/modelrun"
    enable_controllers "$root"
    mkdir -p "$root/modelrun/node"
    for file in cpuset.cpus cpuset.mems; do # version 1 makes them empty, and then takes no process
      [[ -e $root/cpuset.memory_migrate ]] || continue
      cat "$root/$file" >"$root/modelrun/$file"
      cat "$root/$file" >"$root/modelrun/node/$file"
    done
  done
}

# enable_controllers ROOT: version 2 hands a controller down only where told to; kubelet wants to find them in /modelrun.
enable_controllers() {
  local controller group
  [[ -e $1/cgroup.controllers ]] || return 0
  for group in "$1" "$1/modelrun"; do
    for controller in $(<"$group/cgroup.controllers"); do
      echo "+$controller" >"$group/cgroup.subtree_control" 2>/dev/null || true
    done
  done
}

# join_cgroup: moves the present (sub)shell out of its caller's cgroup, whose end would otherwise be the node's.
join_cgroup() {
  local root
  for root in $(cgroup_roots); do echo "$BASHPID" >"$root/modelrun/node/cgroup.procs"; done
}

# remove_cgroups [BELOW]: needs a moment when processes have just ended.
remove_cgroups() {
  local below=${1:-modelrun} root try left
  for try in {1..50}; do
    left=
    for root in $(cgroup_roots); do
      [[ -d $root/$below ]] || continue
      find "$root/$below" -depth -type d -exec rmdir {} + 2>/dev/null || left=$root/$below
    done
    [[ -n $left ]] || return 0
    sleep 0.1
  done
  fail "cgroup $left still has processes: $(find "$left" -name cgroup.procs -exec cat {} + | tr '\n' ' ')"
}

# ---- the sysctls that kubelet sets for the whole machine

NODE_SYSCTLS=(vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes)

save_sysctls() { [[ -s $STATE/sysctls ]] || sysctl "${NODE_SYSCTLS[@]}" >"$STATE/sysctls" 2>/dev/null || true; }

restore_sysctls() { [[ ! -s $STATE/sysctls ]] || sysctl -qp "$STATE/sysctls" >/dev/null 2>&1 || true; }
