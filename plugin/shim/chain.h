/* Compiled chains, as core/netattach_core/shim/compiled_chain.py describes them. */
#ifndef CHAIN_H
#define CHAIN_H

#include "frame.h"

#define MAX_STEPS 256
#define MAX_FILES 32

#ifndef CHAIN_VERSION
#define CHAIN_VERSION 1
#endif

enum { KNOWS_PLAIN = 'p', KNOWS_RESULT = 'r', KNOWS_CHECK = 'c', KNOWS_STATUS = 's' };

struct step {
	struct span network, plugin, ifname, args, tail, capabilities;
};

struct source_file {
	struct span name, content;
};

/* What the runtime asked for a sandbox; everything as the plugins are told it. */
struct asked {
	struct span netns, ifname, args, runtime_config;
};

/* All spans point into `file`. A note has `asked`, and a `result` once it is whole. */
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
	struct asked asked;
	struct span result;
};

enum chain_read { CHAIN_NONE, CHAIN_UNUSABLE, CHAIN_WHOLE };

enum chain_read chain_read(const char *path, struct chain *chain);

/* Whether it is whole, no symbolic link, and nobody's but root's: what is removed by it is removed as root. */
bool chain_read_ours(const char *path, struct chain *chain);
bool chain_knows(const struct chain *chain, char feature);

/* Whether the node's files are what they were when it was compiled. */
bool chain_is_current(const struct chain *chain);

bool read_whole(const char *path, struct buffer *content);

#endif
