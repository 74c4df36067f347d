/* A call of the runtime, as far as the shim has to understand it. */
#ifndef CALL_H
#define CALL_H

#include "chain.h"

/* `args` and `runtime_config` are what plugins are told; `annotated`: the runtime handed the pod's annotations over. */
struct call {
	const char *command, *id, *netns, *ifname;
	struct span cni_version, namespace, pod;
	struct buffer args, runtime_config;
	bool readable, annotated, selects;
};

/* What is odd makes it unreadable: the daemon has the words for that. */
void call_read(struct call *call, struct span configuration);

bool is_command(const struct call *call, const char *name);
bool is_sandbox(const char *id);

/* Whether the pod gets this chain and nothing else. */
bool is_plain(const struct call *call, const struct chain *chain);

#endif
