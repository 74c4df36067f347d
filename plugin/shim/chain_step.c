/* Builds the fields of a RUN frame, as the daemon would send them, from a step and a call. */
#define _GNU_SOURCE
#include "chain_step.h"
#include "exit.h"
#include "json_scan.h"

#include <stdlib.h>

static bool has_capability(const struct step *step, struct span key)
{
	struct span capability, capabilities = step->capabilities;
	while (next_field(&capabilities, &capability))
		if (span_equals(capability, key))
			return true;
	return false;
}

/* What the runtime offers for the plugin's capabilities. */
static void add_runtime_config(struct buffer *text, const struct step *step, struct span runtime_config)
{
	struct member member;
	struct span members;
	bool any = false;
	if (!scan_open(runtime_config, &members))
		return;
	while (scan_next(&members, &member)) {
		if (!has_capability(step, member.key))
			continue;
		buffer_text(text, any ? ",\"" : "\"runtimeConfig\":{\"");
		buffer_span(text, member.key);
		buffer_text(text, "\":");
		buffer_span(text, member.value);
		any = true;
	}
	buffer_text(text, any ? "}," : "");
}

static void add_stdin(struct buffer *run, const struct step *step, struct span runtime_config, struct span previous)
{
	struct buffer text = {0};
	buffer_text(&text, "{");
	if (previous.size) {
		buffer_text(&text, "\"prevResult\":");
		buffer_span(&text, previous);
		buffer_text(&text, ",");
	}
	add_runtime_config(&text, step, runtime_config);
	buffer_span(&text, step->tail);
	if (text.out_of_memory)
		no_memory();
	frame_field(run, content_of(&text));
	free(text.bytes);
}

static void add_variable(struct buffer *run, const char *name, struct span value)
{
	struct buffer text = {0};
	buffer_text(&text, name);
	buffer_span(&text, value);
	if (text.out_of_memory)
		no_memory();
	frame_field(run, content_of(&text));
	free(text.bytes);
}

static bool is_blank(unsigned char letter)
{
	return letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r';
}

/* null, or the brackets of `nothing` with at most blanks in between. */
static bool is_nothing(struct span value, struct span nothing)
{
	if (span_equals(value, span_of("null")))
		return true;
	if (value.size < 2 || nothing.size != 2 || value.bytes[0] != nothing.bytes[0] ||
	    value.bytes[value.size - 1] != nothing.bytes[1])
		return false;
	for (size_t i = 1; i < value.size - 1; i++)
		if (!is_blank(value.bytes[i]))
			return false;
	return true;
}

bool step_is_idle(const struct step *step, struct span runtime_config)
{
	struct member member;
	struct span members;
	if (!step->work.size || !scan_open(runtime_config, &members))
		return false;
	while (scan_next(&members, &member))
		if (span_equals(member.key, step->work) && has_capability(step, member.key) &&
		    !is_nothing(member.value, step->no_work))
			return false;
	return true;
}

struct span step_ifname(const struct step *step, const struct chain_call *call)
{
	return step->ifname.size ? step->ifname : call->args.ifname;
}

void step_run(const struct step *step, const struct chain_call *call, const char *verb, struct span previous,
	      struct run_result *result)
{
	struct buffer run = {0};
	frame_number(&run, 1);
	frame_field(&run, step->plugin);
	frame_number(&run, call->deadline_ms);
	add_stdin(&run, step, call->args.runtime_config, previous);
	add_variable(&run, "CNI_COMMAND=", span_of(verb));
	if (call->args.ifname.size) {
		add_variable(&run, "CNI_CONTAINERID=", span_of(call->container_id));
		add_variable(&run, "CNI_NETNS=", call->args.netns);
		add_variable(&run, "CNI_IFNAME=", step_ifname(step, call));
		add_variable(&run, "CNI_ARGS=", step->args.size ? step->args : call->args.args);
	}
	if (run.out_of_memory)
		no_memory();
	run_plugin(content_of(&run), result);
	free(run.bytes);
}
