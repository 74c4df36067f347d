#!/bin/bash
# Process 1 of node1's own namespaces of mounts and processes; its namespace of the network is there already.
# bash, since it takes in the processes whose parents end, as process 1 has to.
set -eu
. "$WORK/node1.env"

for directory in /run /var/log; do mount -t tmpfs tmpfs "$directory"; done # the kubelet's logs of pods are no log of the machine

# /sys shows the cards of the network in which it was mounted, and a new one comes without the cgroups.
mkdir /run/cgroup
mount --rbind /sys/fs/cgroup /run/cgroup
mount -t sysfs sysfs /sys
mount --rbind /run/cgroup /sys/fs/cgroup
umount --lazy /run/cgroup
rmdir /run/cgroup

mount --make-rshared /
for directory in etc/cni opt/cni var/lib/cni var/lib/kubelet var/lib/containerd; do
    mkdir -p "$WORK/node1/$directory"
    mount --bind "$WORK/node1/$directory" "/$directory"
done
. "$LAB/node.sh"
wait
