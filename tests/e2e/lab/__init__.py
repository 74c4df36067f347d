"""A real Kubernetes cluster on one machine: real API server, etcd, kubelets and containerds.

node1   the machine's own kernel, in namespaces of its own (network, mounts, processes), containerd 1.6, cgroup v1 or v2
node2   user-mode-linux, another kernel with ipvlan and vlan, containerd 2, cgroup v2

Both look alike from inside: eth0 carries the cluster's default network (pods: bridge cbr0), eth1 is a free interface on a
switch that both share, and all paths are the usual ones. All files are in one directory, and `down` deletes everything.
"""
