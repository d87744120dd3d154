# shellcheck shell=bash
# Certificates and configuration files, all below the state directory. Files are written anew by every `up`.

PKI=$STATE/pki

# ensure_pki: made aside and moved into place whole, so that an interrupted `up` leaves none or all of it.
ensure_pki() {
  [[ ! -d $PKI ]] || return 0
  say "making certificates"
  local final=$PKI log=$STATE/log/pki.log
  PKI=$(mktemp -d "$STATE/pki.XXXXXX")
  {
    authority
    certificate apiserver "/CN=kube-apiserver" serverAuth \
      "IP:$NODE_IP,IP:127.0.0.1,IP:${SERVICE_CIDR%.*}.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
    certificate kubelet "/O=system:nodes/CN=system:node:$NODE_NAME" clientAuth,serverAuth "IP:$NODE_IP,DNS:$NODE_NAME"
    certificate admin "/O=system:masters/CN=admin" clientAuth
    certificate apiserver-to-kubelet "/O=system:masters/CN=kube-apiserver-kubelet-client" clientAuth
    certificate controller-manager "/CN=system:kube-controller-manager" clientAuth
    certificate scheduler "/CN=system:kube-scheduler" clientAuth
    certificate proxy "/CN=system:kube-proxy" clientAuth
  } >"$log" 2>&1 || fail "making certificates: failed" "$log"
  rm -f "$PKI"/*.csr
  mv "$PKI" "$final"
  PKI=$final
}

write_configs() {
  local component
  mkdir -p "$STATE"/{log,etc,cni/bin,cni/net.d,policy,containerd,kubelet,pods}
  kubeconfig_for admin "$KUBECONFIG_FILE"
  for component in kubelet controller-manager scheduler proxy; do
    kubeconfig_for "$component" "$STATE/etc/$component.kubeconfig"
  done
  cp "$here/cluster.d/audit-policy.yaml" "$STATE/etc/audit-policy.yaml"
  sed "s/HOST_IP/$HOST_IP/" "$here/cluster.d/policy.nft" >"$STATE/policy.nft"
  printf 'nameserver %s\n' "${SERVICE_CIDR%.*}.10" >"$STATE/etc/resolv.conf" # nobody answers: there is no cluster DNS
  write_cni_config
  write_containerd_config >"$STATE/etc/containerd.toml"
  write_kubelet_config >"$STATE/etc/kubelet.yaml"
}

# ptp rather than a bridge: every packet between pods is routed, hence seen by nftables without br_netfilter.
write_cni_config() {
  local plugin
  for plugin in ptp host-local loopback portmap; do ln -sfn "/usr/lib/cni/$plugin" "$STATE/cni/bin/$plugin"; done
  sed "s#STATE/policy#$STATE/policy#" "$here/cluster.d/modelrun-policy" >"$STATE/cni/bin/modelrun-policy.new"
  chmod +x "$STATE/cni/bin/modelrun-policy.new"
  mv "$STATE/cni/bin/modelrun-policy.new" "$STATE/cni/bin/modelrun-policy"
  cat >"$STATE/cni/net.d/10-modelrun.conflist" <<C
{
  "cniVersion": "1.0.0",
  "name": "modelrun",
  "plugins": [
    {
      "type": "ptp",
      "ipMasq": false,
      "ipam": {
        "type": "host-local",
        "ranges": [[{"subnet": "$POD_CIDR"}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "$STATE/ipam"
      }
    },
    {"type": "modelrun-policy"}
  ]
}
C
}

# The state lies in the node's own /run and not below STATE: the root user of a pod's user namespace must be able to pass through
# the directories above a container's root file system, and STATE may be below a home directory that is closed to others.
write_containerd_config() {
  cat <<C
version = 3
root = "$STATE/containerd/root"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs", "io.containerd.nri.v1.nri"]
[grpc]
  address = "$STATE/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$STATE/containerd/opt"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "$PAUSE_IMAGE"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["$STATE/cni/bin"]
    conf_dir = "$STATE/cni/net.d"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      SystemdCgroup = false
C
}

write_kubelet_config() {
  cat <<C
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://$STATE/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /modelrun
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
oomScoreAdj: 0
maxPods: 110
podPidsLimit: 512
authentication: {x509: {clientCAFile: $PKI/ca.crt}, anonymous: {enabled: false}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
tlsCertFile: $PKI/kubelet.crt
tlsPrivateKeyFile: $PKI/kubelet.key
registerNode: true
clusterDNS: ["${SERVICE_CIDR%.*}.10"]
clusterDomain: cluster.local
resolvConf: $STATE/etc/resolv.conf
podLogsDir: $STATE/pods
volumePluginDir: $STATE/kubelet/volume-plugins
# A test machine's disk is nobody's business here: no evictions, no image collected.
evictionHard: {}
imageGCHighThresholdPercent: 100
imageMaximumGCAge: 0s
serializeImagePulls: false
registryPullQPS: 0
eventRecordQPS: 0
kubeAPIQPS: 200
kubeAPIBurst: 400
C
  # The tests kill the operator over and over; it is to be back soon each time (KEP-4603, since 1.32).
  [[ $MODFILE == oldest.mod ]] || cat <<C
featureGates: {KubeletCrashLoopBackOffMax: true}
crashLoopBackOff: {maxContainerRestartPeriod: 1s}
C
}
