#!/bin/bash
# The first process of node2's kernel. Of the machine it sees the file tree, read-only under a layer in its own memory, and may
# write into WORK. /etc/cni, /opt/cni and /var/lib/cni lie there, so that they outlive a loss of power.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
. "$WORK/node2.env"

if [ -z "${PIVOTED:-}" ]; then
    mount -t tmpfs tmpfs /run
    mkdir -p /run/lib /run/upper /run/layer /run/root
    ln -s /usr/lib/uml/modules /run/lib/modules
    modprobe -d /run overlay
    mount -t overlay overlay -o lowerdir=/,upperdir=/run/upper,workdir=/run/layer /run/root
    cd /run/root && mkdir -p .machine && pivot_root . .machine
    PIVOTED=yes exec chroot . bash "$0"
fi

mount -t proc proc /proc
mount --bind "$WORK/cpuinfo" /proc/cpuinfo # the kubelet wants to know the speed, and the guest's own does not say
umount -l /.machine
mount -t sysfs sys /sys
mount -t cgroup2 none /sys/fs/cgroup
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run
mkdir -p /dev/pts /dev/shm "$WORK"
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t hostfs hostfs -o "$WORK" "$WORK"
mount --make-rshared /
# Each is mounted itself: a directory that is looked up anew is another one to hostfs, and a watch of it would see nothing.
for directory in etc/cni/net.d opt/cni/bin var/lib/cni; do
    mkdir -p "$WORK/node2/$directory" "/$directory"
    mount --bind "$WORK/node2/$directory" "/$directory"
done
for directory in /var/lib/kubelet /var/lib/containerd; do # containerd's own layers cannot lie on a layer
    mkdir -p "$directory"
    mount -t tmpfs tmpfs "$directory"
done
mkdir -p /lib/modules
ln -sfn "/usr/lib/uml/modules/$(uname -r)" "/lib/modules/$(uname -r)"
modprobe -a ipvlan macvlan bridge veth 8021q overlay dummy vrf bonding iptable_nat iptable_filter iptable_mangle ip6table_nat \
    ip6table_filter xt_comment xt_mark xt_MASQUERADE xt_addrtype xt_conntrack xt_statistic br_netfilter

# This kernel has no nf_tables: iptables is the legacy one, and node2's containerd is the newer one.
mkdir -p /run/sbin
for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -s "/usr/sbin/${name/tables/tables-legacy}" "/run/sbin/$name"
done
export PATH=$BIN/containerd:/run/sbin:$PATH

ip link set lo up
ip link set vec0 name eth0 && ip address add 172.30.0.12/24 dev eth0 && ip link set eth0 up && ip route add default via 172.30.0.1
ip link set vec1 name eth1 && ip address add 10.0.3.12/24 dev eth1 && ip link set eth1 up
. "$LAB/node.sh"

# Commands from outside: a file of a new name, since the names that were looked for in vain are remembered.
cd "$WORK/node2/commands" || exit
while :; do
    for command in *.command; do
        [ -f "$command" ] || continue
        name=${command%.command}
        mv "$command" "$name.running"
        (
            sh "$name.running" >"$name.output" 2>"$name.error" </dev/null
            echo $? >"$name.status.new"
            mv "$name.status.new" "$name.status"
        ) &
    done
    sleep 0.1
done
