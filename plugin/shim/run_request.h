/* A RUN frame, parsed and validated. */
#ifndef RUN_REQUEST_H
#define RUN_REQUEST_H

#include "frame.h"

/* The plugin's path, its standard input and its CNI_* variables. Times are CLOCK_MONOTONIC in milliseconds; 0 = no deadline. */
struct run_request {
	uint64_t id;
	const char *path;
	uint64_t milliseconds, deadline;
	struct span stdin_bytes, variables;
};

enum request_check { REQUEST_VALID, REQUEST_MALFORMED, REQUEST_REFUSED, REQUEST_NOT_FOUND };

/* The request points into the fields, and its path is valid until the next request is parsed. */
enum request_check run_request_parse(struct span fields, struct run_request *request);

#endif
