"""The kernel's links and routes; the only package that imports pyroute2, whose untyped values it does not return.

sockets     netlink sockets in a pod's network namespace
peer_links  the names of the links of another network namespace, without entering it
pod_links   the links of one pod, and notifications of new ones
pod_routes  the default routes of one pod
node_links  the links, addresses and default routes of the node
changes     notifications of changes of the node's
link_messages, route_messages  encoding and decoding of netlink messages about links and default routes
"""
