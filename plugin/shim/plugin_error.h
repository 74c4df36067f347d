/* The result or the error of a plugin: core/netattach_core/shim/run_result.py and core/netattach_core/attach/outcome.py in C. */
#ifndef PLUGIN_ERROR_H
#define PLUGIN_ERROR_H

#include "runs.h"

/* Failures of one call, all of which are reported in one error. */
struct failures {
	struct buffer message, details;
	size_t count;
};

bool run_succeeded(const struct run_result *run);

/* Whether the plugin may have done anything that has to be undone. */
bool run_started(const struct run_result *run);

/* The result of an ADD, with the version that is expected where the plugin printed none; false where it is no CNI result. */
bool parse_result(const struct run_result *run, struct span cni_version, struct buffer *result);

/* Adds "ADD of network cbr0 (eth0): plugin bridge …" to the message, and the plugin's code and details to the details. */
void failures_add(struct failures *failures, const char *verb, struct span network, struct span ifname, struct span plugin,
		  const struct run_result *run);

/* The code in the plugin's error object, 0 where it has none. */
uint64_t plugin_code(const struct run_result *run);

/* Replaces what containerd takes for the success of a DEL. */
void mask_del_success(struct buffer *text);

#endif
