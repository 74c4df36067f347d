/* For tests: reads RAN frames from standard input, and prints the CNI error with which the shim reports all of these runs. Each is an
 * ADD of the network n by the plugin p. */
#define _GNU_SOURCE
#include "cni_error.h"
#include "plugin_error.h"

#include <unistd.h>

static bool read_stdin(struct buffer *input)
{
	ssize_t got = 1;
	while (got > 0 && buffer_reserve(input, 65536)) {
		got = read(STDIN_FILENO, input->bytes + input->size, 65536);
		input->size += got > 0 ? (size_t)got : 0;
	}
	return !got;
}

static bool parse_ran(struct frame *frame, struct run_result *run)
{
	struct span id;
	return next_field(&frame->fields, &id) && next_field(&frame->fields, &run->outcome) &&
	       next_number(&frame->fields, &run->number) && next_field(&frame->fields, &run->out) &&
	       next_field(&frame->fields, &run->err);
}

int main(void)
{
	struct buffer input = {0};
	struct failures failures = {0};
	struct run_result run = {0};
	struct frame frame;
	if (!read_stdin(&input))
		return 1;
	for (struct span rest = content_of(&input); next_frame(&rest, &frame) == FRAME_COMPLETE;) {
		if (!parse_ran(&frame, &run))
			return 1;
		failures_add(&failures, "ADD", span_of("n"), span_of("net1"), span_of("p"), &run);
	}
	print_error(CNI_DELEGATE, content_of(&failures.message), content_of(&failures.details));
	return 0;
}
