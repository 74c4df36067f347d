# What both nodes have in common, run inside the node by node1.sh and node2.sh.
# Variables: WORK, NAME, ADDRESS, PODS (its pods' subnet), BIN (Kubernetes' programs)

mkdir -p /etc/cni/net.d /opt/cni/bin /var/lib/cni /var/lib/kubelet /var/lib/containerd /run/containerd /run/netns "$WORK/$NAME/static"
sysctl -qw net.ipv4.ip_forward=1

cat >/etc/cni/net.d/10-default.conflist <<CONF
{
  "cniVersion": "1.0.0",
  "name": "cbr0",
  "plugins": [
    {
      "type": "bridge", "bridge": "cbr0", "isGateway": true, "hairpinMode": true,
      "ipam": {"type": "host-local", "subnet": "$PODS", "routes": [{"dst": "0.0.0.0/0"}]}
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
CONF

# All cgroups of the node's pods stand below one of its own: a kubelet ends what it does not know below the one that it is given,
# and the machine may have another kubelet. Control plane and runtime are tasks of the root, each of which weighs as much as a whole
# cgroup of default weight; so the node's has eight times that, or all its pods together would be one task among a dozen. In v2 what a cgroup's children may limit has to be allowed by the cgroup.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
        echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || true
    done
    mkdir -p "/sys/fs/cgroup/netattach-$NAME"
    echo 800 2>/dev/null >"/sys/fs/cgroup/netattach-$NAME/cpu.weight" || true
else
    for hierarchy in /sys/fs/cgroup/*/; do mkdir -p "$hierarchy/netattach-$NAME"; done
    echo 8192 2>/dev/null >"/sys/fs/cgroup/cpu/netattach-$NAME/cpu.shares" || true
fi

# Without the privilege to lower one's own OOM score, runc fails unless containerd is told not to ask for it.
cat >/run/containerd.toml <<CONF
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "localhost/pause:1"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
CONF

cat >/run/kubelet.yaml <<CONF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
cgroupRoot: /netattach-$NAME
volumePluginDir: /var/lib/kubelet/volume-plugins
failSwapOn: false
failCgroupV1: false
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
resolvConf: ""
maxPods: 250
serializeImagePulls: false
enforceNodeAllocatable: []
evictionHard: {memory.available: "100Mi"}
staticPodPath: $WORK/$NAME/static
fileCheckFrequency: 1s
syncFrequency: 10s
CONF

cat >/run/kube-proxy.yaml <<CONF
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: $PROXY
clientConnection: {kubeconfig: $WORK/admin.kubeconfig}
clusterCIDR: 10.244.0.0/16
hostnameOverride: $NAME
conntrack: {maxPerCore: 0, min: 0}
CONF

# What a test may end and start anew: `sh /run/start-NAME`, as here.
cat >/run/start-containerd <<RUN
containerd -c /run/containerd.toml >>"$WORK/$NAME-containerd.log" 2>&1 </dev/null &
echo \$! >/run/containerd.pid
RUN
cat >/run/start-kubelet <<RUN
"$BIN/kubelet" --config=/run/kubelet.yaml --kubeconfig="$WORK/$NAME.kubeconfig" --hostname-override="$NAME" \\
    --node-ip="$ADDRESS" >>"$WORK/$NAME-kubelet.log" 2>&1 </dev/null &
echo \$! >/run/kubelet.pid
RUN

. /run/start-containerd
for _ in $(seq 300); do # node2 needs seconds to start a program as large as ctr, so it is not asked
    [ ! -S /run/containerd/containerd.sock ] || break
    sleep 0.1
done
for image in "$WORK"/images/*.tar; do
    ctr -n k8s.io images import --snapshotter overlayfs "$image" >/dev/null
done
"$BIN/kube-proxy" --config /run/kube-proxy.yaml >>"$WORK/$NAME-kube-proxy.log" 2>&1 &
. /run/start-kubelet
