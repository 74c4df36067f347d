/* Each target does with an input what the shim does with it, as far as that starts no program. With PLANTED, json has bugs, which
 * show that the fuzzer finds some. */
#define _GNU_SOURCE
#include "targets.h"
#include "chain.c" /* its parser of a file's content has no header */
#include "chain_step.h"
#include "cni_call.h"
#include "cni_error.h"
#include "exit.h"
#include "json_scan.h"
#include "plugin_error.h"
#include "run_request.h"
#include "sysctl.h"

static void require(bool property)
{
	if (!property)
		abort();
}

_Noreturn void no_memory(void)
{
	abort();
}

static bool is_within(struct span part, struct span whole)
{
	return part.bytes >= whole.bytes && part.bytes + part.size <= whole.bytes + whole.size;
}

/* The bug that PLANTED names. */
static void plant(struct span text)
{
#ifdef PLANTED
	const char *bug = getenv("PLANTED");
	if (!strcmp(bug, "overflow") && text.size && text.bytes[text.size - 1] == '\\')
		require(text.bytes[text.size] != 1); /* what is escaped, without a look at the end */
	if (!strcmp(bug, "undefined") && text.size > 3)
		require(text.bytes[3] << 24 != 1);
	while (!strcmp(bug, "endless") && text.size > 1 && text.bytes[1] == '\\')
		;
	if (!strcmp(bug, "property"))
		require(text.size < 2 || text.bytes[1] != '\\');
#endif
	(void)text;
}

/* Everything below a value; what was scanned as a whole can be scanned in parts. */
static void visit(struct span value, int depth)
{
	struct span members, found;
	struct member member;
	struct buffer text = {0};
	require(scan_value(value, &found) && found.bytes == value.bytes && found.size == value.size);
	buffer_unescaped(&text, value);
	require(text.size <= value.size);
	free(text.bytes);
	if (!depth || !scan_open(value, &members))
		return;
	while (scan_next(&members, &member)) {
		require(is_within(member.key, value) && is_within(member.value, value));
		visit(member.value, depth - 1);
	}
	require(!members.size);
	if (scan_find(value, "cniVersion", &found))
		require(is_within(found, value));
}

static bool json(struct span input)
{
	struct span whole;
	plant(input);
	if (!scan_value(input, &whole))
		return false;
	require(is_within(whole, input));
	visit(whole, 3); /* each level scans all below it */
	return true;
}

static bool frames(struct span input)
{
	struct frame frame;
	struct span field, rest = input;
	uint64_t number;
	enum frame_status status;
	while ((status = next_frame(&rest, &frame)) == FRAME_COMPLETE) {
		require(is_within(frame.fields, input));
		while (next_field(&frame.fields, &field)) {
			require(is_within(field, input));
			(void)parse_number(field, &number);
		}
		require(!frame.fields.size);
	}
	return status == FRAME_INCOMPLETE && !rest.size;
}

/* What a plugin's run would be asked for; in the shim this starts it. */
void run_plugin(struct span fields, struct run_result *result)
{
	struct run_request request;
	*result = (struct run_result){0};
	enum request_check check = run_request_parse(fields, &request);
	require(check != REQUEST_MALFORMED);
}

static bool chain(struct span input)
{
	static struct chain parsed;
	struct chain_call call = {0};
	struct run_result result;
	clear(&parsed);
	parsed.file.size = 0;
	buffer_span(&parsed.file, input);
	if (!parse_frames(&parsed))
		return false;
	call.container_id = "c1";
	call.deadline_ms = parsed.deadline_ms;
	call.args = parsed.args;
	if (!parsed.has_call)
		call.args.ifname = span_of("eth0");
	for (size_t i = 0; i < parsed.step_count; i++)
		step_run(&parsed.steps[i], &call, "ADD", parsed.result, &result);
	(void)chain_has(&parsed, FEATURE_CHECK);
	return true;
}

/* CNI_ARGS, a line feed, and the standard input. */
static bool call(struct span input)
{
	struct call parsed = {0};
	struct chain nothing = {0};
	const unsigned char *end = memchr(input.bytes, '\n', input.size);
	size_t size = end ? (size_t)(end - input.bytes) : 0;
	char *args = strndup((const char *)input.bytes, size);
	require(args && !setenv("CNI_ARGS", args, 1));
	free(args);
	call_parse(&parsed, (struct span){input.bytes + size, input.size - size});
	(void)has_no_secondary_networks(&parsed, &nothing);
	(void)is_container_id(getenv("CNI_ARGS"));
	if (parsed.readable) {
		struct span whole;
		require(scan_value(content_of(&parsed.runtime_config), &whole));
	}
	free(parsed.args.bytes);
	free(parsed.runtime_config.bytes);
	return parsed.readable;
}

static bool run(struct span input)
{
	struct run_request request;
	switch (run_request_parse(input, &request)) {
	case REQUEST_MALFORMED:
	case REQUEST_REFUSED: return false;
	default: return true; /* nothing is installed here */
	}
}

/* Each component of a path below /proc/sys/net/, found another way than by the parser. */
static void require_below_net(const char *path)
{
	char file[PATH_MAX];
	require(!strncmp(path, "/proc/sys/net/", 14) && strlen(path) < sizeof file);
	strcpy(file, path);
	require(!strstr(path, "//") && path[strlen(path) - 1] != '/');
	for (char *rest = file, *name; (name = strsep(&rest, "/"));)
		require(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
}

/* What follows the id in a SYSCTLS; in the shim this writes them. Accepted where all may be written. */
static bool sysctl(struct span input)
{
	struct sysctl parsed;
	bool all = input.size;
	while (input.size) {
		struct span before = input;
		if (!sysctl_next(&input, &parsed))
			return false;
		require(is_within(parsed.value, before) && input.size < before.size);
		all = all && parsed.path;
		if (!parsed.path)
			continue;
		require_below_net(parsed.path);
		require(parsed.value.size && parsed.value.size < 256 && !memchr(parsed.value.bytes, 0, parsed.value.size));
	}
	return all;
}

static bool next_run(struct span *input, struct run_result *result)
{
	struct frame frame;
	uint64_t id;
	*result = (struct run_result){0};
	return next_frame(input, &frame) == FRAME_COMPLETE && next_number(&frame.fields, &id) &&
	       next_field(&frame.fields, &result->outcome) && next_number(&frame.fields, &result->number) &&
	       next_field(&frame.fields, &result->out) && next_field(&frame.fields, &result->err);
}

/* RAN frames, as supervisors write them. */
static bool error(struct span input)
{
	struct failures failures = {{0}, {0}, 0};
	struct buffer result = {0};
	struct run_result ran;
	while (next_run(&input, &ran)) {
		struct span whole;
		if (parse_result(&ran, span_of("1.0.0"), &result))
			require(scan_value(content_of(&result), &whole));
		failures_add(&failures, "DEL", span_of("net"), span_of("net1"), span_of("plugin"), &ran);
		(void)run_started(&ran);
	}
	mask_del_success(&failures.message);
	mask_del_success(&failures.details);
	print_error(CNI_DELEGATE, content_of(&failures.message), content_of(&failures.details));
	free(failures.message.bytes);
	free(failures.details.bytes);
	free(result.bytes);
	return failures.count;
}

const struct target targets[] = {{"json", json}, {"frames", frames}, {"chain", chain},
				 {"call", call}, {"run", run},	     {"sysctl", sysctl}, {"error", error}};
const size_t target_count = sizeof targets / sizeof *targets;
