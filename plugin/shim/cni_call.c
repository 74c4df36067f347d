/* Parses a call as far as needed to see whether its pod has one of the two annotations that select networks. Keys are compared as
 * they are written; a key with an escape may be any key, so then the daemon is asked. */
#define _GNU_SOURCE
#include "cni_call.h"
#include "json_scan.h"

#include <stdlib.h>
#include <string.h>

#define ANNOTATIONS "io.kubernetes.cri.pod-annotations"
#define LONGEST_ID 200
#define LONGEST_NAME 15

static const char *const selecting[] = {"k8s.v1.cni.cncf.io/networks", "v1.multus-cni.io/default-network"};

static const char *variable(const char *name)
{
	const char *value = getenv(name);
	return value ? value : "";
}

bool is_command(const struct call *call, const char *name)
{
	return !strcmp(call->command, name);
}

static bool is_alphanumeric(char letter)
{
	return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
}

/* It starts with a letter or digit, and is fit to be a file's name. */
static bool is_name(const char *name, size_t longest)
{
	size_t size = strlen(name);
	if (!size || size > longest || !is_alphanumeric(*name))
		return false;
	for (const char *at = name; *at; at++)
		if (!is_alphanumeric(*at) && !strchr("_.-", *at))
			return false;
	return true;
}

bool is_container_id(const char *id)
{
	return is_name(id, LONGEST_ID);
}

static bool is_interface(const char *name)
{
	return is_name(name, LONGEST_NAME) && strcmp(name, "lo") != 0 && strcmp(name, "all") != 0 && strcmp(name, "default") != 0;
}

static bool starts_with(struct span text, const char *prefix, struct span *rest)
{
	size_t size = strlen(prefix);
	if (text.size < size || memcmp(text.bytes, prefix, size) != 0)
		return false;
	*rest = (struct span){text.bytes + size, text.size - size};
	return true;
}

/* One KEY=VALUE; false where it is none. IgnoreUnknown was added before. */
static bool parse_arg(struct call *call, struct span item)
{
	struct span ignored;
	if (!item.size || *item.bytes == '=' || !memchr(item.bytes, '=', item.size))
		return !item.size;
	if (starts_with(item, "IgnoreUnknown=", &ignored))
		return true;
	(void)(starts_with(item, "K8S_POD_NAMESPACE=", &call->namespace) || starts_with(item, "K8S_POD_NAME=", &call->pod));
	buffer_text(&call->args, ";");
	buffer_add(&call->args, item.bytes, item.size);
	return true;
}

static bool parse_args(struct call *call, const char *text)
{
	buffer_text(&call->args, "IgnoreUnknown=1"); /* the reference plugins refuse unknown keys */
	for (const char *next; *text; text = *next ? next + 1 : next) {
		next = text + strcspn(text, ";");
		if (!parse_arg(call, (struct span){(const unsigned char *)text, (size_t)(next - text)}))
			return false;
	}
	return true;
}

static bool parse_annotations(struct call *call, struct span annotations)
{
	struct span members;
	struct member member;
	if (call->annotated || !scan_open(annotations, &members))
		return false;
	call->annotated = true;
	while (scan_next(&members, &member))
		for (size_t i = 0; i < sizeof selecting / sizeof *selecting; i++)
			if (is_escaped(member.key) || span_equals(member.key, span_of(selecting[i])))
				call->selects = true;
	return true;
}

/* Everything but the annotations, which no plugin needs. */
static bool parse_runtime_config(struct call *call, struct span offered)
{
	struct span members;
	struct member member;
	if (!scan_open(offered, &members))
		return false;
	while (scan_next(&members, &member)) {
		if (is_escaped(member.key))
			return false;
		if (span_equals(member.key, span_of(ANNOTATIONS))) {
			if (!parse_annotations(call, member.value))
				return false;
			continue;
		}
		buffer_text(&call->runtime_config, call->runtime_config.size > 1 ? ",\"" : "\"");
		buffer_add(&call->runtime_config, member.key.bytes, member.key.size);
		buffer_text(&call->runtime_config, "\":");
		buffer_add(&call->runtime_config, member.value.bytes, member.value.size);
	}
	return true;
}

static bool parse_configuration(struct call *call, struct span text)
{
	struct span whole, version, offered;
	if (!scan_value(text, &whole) || !scan_find(whole, "cniVersion", &version) || version.size < 2 || *version.bytes != '"')
		return false;
	call->cni_version = (struct span){version.bytes + 1, version.size - 2};
	return !scan_find(whole, "runtimeConfig", &offered) || parse_runtime_config(call, offered);
}

void call_parse(struct call *call, struct span configuration)
{
	call->command = variable("CNI_COMMAND");
	call->id = variable("CNI_CONTAINERID");
	call->netns = variable("CNI_NETNS");
	call->ifname = variable("CNI_IFNAME");
	buffer_text(&call->runtime_config, "{");
	call->readable = parse_args(call, variable("CNI_ARGS")) && parse_configuration(call, configuration);
	buffer_text(&call->runtime_config, "}");
	if (call->args.out_of_memory || call->runtime_config.out_of_memory)
		call->readable = false;
}

static bool is_excepted(const struct call *call, struct span namespaces)
{
	struct span namespace;
	while (next_field(&namespaces, &namespace))
		if (span_equals(namespace, call->namespace))
			return true;
	return false;
}

bool has_no_secondary_networks(const struct call *call, const struct chain *chain)
{
	return call->readable && call->annotated && !call->selects && is_interface(call->ifname) &&
	       span_equals(call->cni_version, chain->cni_version) &&
	       chain_has(chain, FEATURE_PLAIN) != is_excepted(call, chain->except_namespaces);
}
