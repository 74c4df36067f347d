"""`make bench`: netattach, Multus and the plugins alone, measured in the same run and in turn.

__main__    the arguments; measures, prints and saves
measure     the loop: all sides in turn, for each repetition of each case
storms      pods at once, and calls that are lost
costs       of one pod: programs started, syncs, bytes written, API requests
memory      what a daemon holds after storms and after thousands of pods
cases       what pods ask for
sides       who attaches them, and with which settings
netattach_side, multus_side, hand_side
            how a side is installed on a node, and the CNI calls that attach a pod with it
image_packages
            the daemon's Python packages as in the image
node        a node made of network namespaces, with an API server and an agent
agent       a program on the node that makes CNI calls as a runtime does, and times them
api_server  a program on the node: the part of the Kubernetes API that daemons use, in memory
certificate its certificate
cgroups     processor time, limits
tracing     programs started and syncs of a process and its children
own_names   names of what is created in the kernel's file systems
figures     medians, percentiles and ratios with their spread
report      the tables
plot        the plot
"""
