/* A call of the runtime, as far as the shim has to understand it. */
#ifndef CNI_CALL_H
#define CNI_CALL_H

#include "chain.h"

/* `args` and `runtime_config` are for the plugins. `annotated`: the runtime passed the pod's annotations; `selects`: one of them
 * selects networks. */
struct call {
	const char *command, *id, *netns, *ifname;
	struct span cni_version, namespace, pod;
	struct buffer args, runtime_config;
	bool readable, annotated, selects;
};

/* Anything unusual makes the call unreadable: the daemon reports what is wrong. */
void call_parse(struct call *call, struct span configuration);

bool is_command(const struct call *call, const char *name);
bool is_container_id(const char *id);

/* Whether the pod gets this chain, the default network, and nothing else. */
bool has_no_secondary_networks(const struct call *call, const struct chain *chain);

#endif
