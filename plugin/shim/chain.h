/* Compiled chains, as core/netattach_core/shim/compiled_chain.py describes them. */
#ifndef CHAIN_H
#define CHAIN_H

#include "frame.h"

#define MAX_STEPS 256
#define MAX_FILES 32

#ifndef CHAIN_VERSION
#define CHAIN_VERSION 1
#endif

/* Letters, as the file has them. FEATURE_PLAIN: the chain is for pods without secondary networks. FEATURE_RESULT: DEL gets prevResult.
 * FEATURE_CHECK, FEATURE_STATUS: the plugins' CNI version has the verb. */
enum { FEATURE_PLAIN = 'p', FEATURE_RESULT = 'r', FEATURE_CHECK = 'c', FEATURE_STATUS = 's' };

struct step {
	struct span network, plugin, ifname, args, tail, capabilities;
};

struct source_file {
	struct span name, content;
};

/* What plugins get of the runtime's call for a sandbox. */
struct sandbox_args {
	struct span netns, ifname, args, runtime_config;
};

/* All spans point into `file`. A sandbox's record has `args`, and `result` after an ADD that succeeded. */
struct chain {
	struct buffer file;
	struct span cni_version, features, excepted;
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

enum chain_read { CHAIN_NONE, CHAIN_UNUSABLE, CHAIN_WHOLE };

enum chain_read chain_read(const char *path, struct chain *chain);

/* Whether it is whole, no symbolic link, and writable by root alone: root removes files by its content. */
bool chain_read_trusted(const char *path, struct chain *chain);
bool chain_has(const struct chain *chain, char feature);

/* Whether the node's CNI configs are the ones that it was compiled from. */
bool chain_is_current(const struct chain *chain);

bool read_file(const char *path, struct buffer *content);

#endif
