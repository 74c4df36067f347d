/* Compiled chains, as core/netattach_core/shim/compiled_chain.py describes them. */
#ifndef CHAIN_H
#define CHAIN_H

#include "frame.h"

#define MAX_STEPS 256
#define MAX_FILES 32

#ifndef CHAIN_VERSION
#define CHAIN_VERSION 1
#endif

/* FEATURE_PLAIN: a pod that selects no network gets this chain alone. FEATURE_RESULT: DEL gets prevResult. FEATURE_CHECK,
 * FEATURE_STATUS: the plugins support the verb. */
enum { FEATURE_PLAIN = 'p', FEATURE_RESULT = 'r', FEATURE_CHECK = 'c', FEATURE_STATUS = 's' };

/* A plugin. `tail`: its standard input without the first brace; an empty `ifname` or `args` means the call's. `work`: the
 * capability that it is started for, empty = always; `no_work` is the value of it that means nothing. */
struct step {
	struct span network, plugin, ifname, args, tail, capabilities, work, no_work;
};

struct source_file {
	struct span name, content;
};

/* What plugins get of the runtime's call for a sandbox. */
struct sandbox_args {
	struct span netns, ifname, args, runtime_config;
};

/* All spans point into `file`. The chain was compiled from `files` of `directory`, without `own`; no other file may precede them
 * where `first` is set, and `absent` must not exist. A sandbox's record has `args`, and `result` after an ADD that succeeded. */
struct chain {
	struct buffer file;
	struct span cni_version, features, except_namespaces;
	uint64_t deadline_ms;
	struct span directory, own, absent;
	bool first;
	struct source_file files[MAX_FILES];
	size_t file_count;
	struct step steps[MAX_STEPS];
	size_t step_count;
	bool has_end, has_call;
	struct sandbox_args args;
	struct span result;
};

enum chain_read { CHAIN_MISSING, CHAIN_UNUSABLE, CHAIN_VALID };

/* A symbolic link is unusable. */
enum chain_read chain_read(const char *path, struct chain *chain);

/* False also for a symbolic link, and for a file that others than root may write: root removes files by its content. */
bool chain_read_trusted(const char *path, struct chain *chain);

bool chain_has(const struct chain *chain, char feature);

/* The directory of the CNI configs that it was compiled from; NULL without memory. */
char *chain_directory_path(const struct chain *chain);

/* Whether the node's CNI configs are the ones that it was compiled from. */
bool chain_is_current(const struct chain *chain);

#endif
