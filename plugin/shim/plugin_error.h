/* What a plugin said, and how a failure is told: core/netattach_core/shim/run_result.py and answer.py in C. */
#ifndef WORDS_H
#define WORDS_H

#include "perform.h"

/* Failures of one call, all of which are told in one error. */
struct failures {
	struct buffer message, details;
	size_t count;
};

bool ran_well(const struct ran *ran);

/* Whether there is anything to undo. */
bool ran_at_all(const struct ran *ran);

/* The result of an ADD, in the version that is expected where the plugin named none; false where it is no result. */
bool result_of(const struct ran *ran, struct span cni_version, struct buffer *result);

/* Adds "ADD of network cbr0 (eth0): plugin bridge …", and to the details what the plugin had to say beside. */
void add_failure(struct failures *failures, const char *what, struct span network, struct span ifname, struct span plugin,
		 const struct ran *ran);

/* The code that the plugin gave, 0 where it gave none. */
uint64_t code_of(const struct ran *ran);

/* Takes out the words that containerd takes for the success of a DEL. */
void for_delete(struct buffer *text);

#endif
