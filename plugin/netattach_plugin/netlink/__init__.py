"""The kernel's links; the only room that imports pyroute2, and the one that types what it hands on.

sockets     a netlink socket in the network namespace behind a descriptor
pod_links   the links of one pod, and the news of new ones
pod_routes  the default routes of one pod
node_links  the links, addresses and default routes of the node
changes     a wake-up when one of these changes
link_messages, route_messages  how the kernel tells of a link, of a default route
"""
