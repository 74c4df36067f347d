/* The calls that need no daemon: ADD, CHECK and DEL of plain pods, and, where no daemon answers, DEL of what the ledger holds and
 * STATUS. Whatever is not clear here is the daemon's.
 *
 * The order is the ledger's: the note first, then the plugins; what fails is undone, backwards; what cannot be undone keeps its
 * note for the DEL that follows. */
#define _GNU_SOURCE
#include "standalone.h"
#include "uninstalled.h"
#include "daemon_client.h"
#include "lock.h"
#include "sandbox_files.h"
#include "json_scan.h"
#include "plugin_error.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
	struct call call;
	struct chain chain;
	struct asked asked; /* what the plugins are told */
	struct failures failures;
	bool locked;
	int note;
} here;

static void add(struct buffer *buffer, struct span text)
{
	buffer_add(buffer, text.bytes, text.size);
}

static bool may_have(const struct step *step, struct span key)
{
	struct span capability, capabilities = step->capabilities;
	while (next_field(&capabilities, &capability))
		if (span_equals(capability, key))
			return true;
	return false;
}

/* What the runtime offers of the plugin's capabilities. */
static void add_runtime_config(struct buffer *text, const struct step *step)
{
	struct member member;
	struct span members;
	bool any = false;
	if (!scan_open(here.asked.runtime_config, &members))
		return;
	while (scan_next(&members, &member)) {
		if (!may_have(step, member.key))
			continue;
		buffer_text(text, any ? ",\"" : "\"runtimeConfig\":{\"");
		add(text, member.key);
		buffer_text(text, "\":");
		add(text, member.value);
		any = true;
	}
	buffer_text(text, any ? "}," : "");
}

static void add_stdin(struct buffer *run, const struct step *step, struct span previous)
{
	struct buffer text = {0};
	buffer_text(&text, "{");
	if (previous.size) {
		buffer_text(&text, "\"prevResult\":");
		add(&text, previous);
		buffer_text(&text, ",");
	}
	add_runtime_config(&text, step);
	add(&text, step->tail);
	if (text.lost)
		no_memory();
	frame_field(run, filled(&text));
	free(text.bytes);
}

static void add_variable(struct buffer *run, const char *name, struct span value)
{
	struct buffer text = {0};
	buffer_text(&text, name);
	add(&text, value);
	if (text.lost)
		no_memory();
	frame_field(run, filled(&text));
	free(text.bytes);
}

static struct span ifname_of(const struct step *step)
{
	return step->ifname.size ? step->ifname : here.asked.ifname;
}

/* The fields of a RUN frame, as the daemon would send them. */
static void run_step(struct ran *ran, const char *verb, const struct step *step, struct span previous)
{
	struct buffer run = {0};
	frame_number(&run, 1);
	frame_field(&run, step->plugin);
	frame_number(&run, here.chain.deadline_ms);
	add_stdin(&run, step, previous);
	add_variable(&run, "CNI_COMMAND=", span_of(verb));
	if (here.asked.ifname.size) { /* STATUS is about no sandbox */
		add_variable(&run, "CNI_CONTAINERID=", span_of(here.call.id));
		add_variable(&run, "CNI_NETNS=", here.asked.netns);
		add_variable(&run, "CNI_IFNAME=", ifname_of(step));
		add_variable(&run, "CNI_ARGS=", step->args.size ? step->args : here.asked.args);
	}
	if (run.lost)
		no_memory();
	perform(ran, filled(&run));
	free(run.bytes);
}

static void failed(struct failures *failures, const char *verb, const struct step *step, const struct ran *ran)
{
	add_failure(failures, verb, step->network, ifname_of(step), step->plugin, ran);
}

static void add_pod(struct buffer *message)
{
	if (here.call.namespace.size && here.call.pod.size) {
		buffer_text(message, "pod ");
		add(message, here.call.namespace);
		buffer_text(message, "/");
		add(message, here.call.pod);
	} else {
		buffer_text(message, "sandbox ");
		buffer_text(message, here.call.id);
	}
	buffer_text(message, ": ");
}

static _Noreturn void report(enum cni_code code)
{
	struct failures *failures = &here.failures;
	struct buffer message = {0};
	add_pod(&message);
	add(&message, filled(&failures->message));
	if (message.lost || failures->details.lost)
		no_memory();
	if (is_command(&here.call, "DEL")) {
		for_delete(&message);
		for_delete(&failures->details);
	}
	print_error(code, filled(&message), filled(&failures->details));
	leave(1);
}

/* Whether none of the same interface has failed before it. */
static bool may_go(const struct step *step, const bool *left)
{
	for (size_t i = 0; i < here.chain.step_count; i++)
		if (left[i] && span_equals(ifname_of(&here.chain.steps[i]), ifname_of(step)))
			return false;
	return true;
}

/* Where the runtime gives up while it runs it is run once more: what is undone has to be undone to its end. */
static bool delete_step(const struct step *step, struct span previous, struct failures *failures, bool to_the_end)
{
	struct ran ran = {0};
	bool gone = given_up();
	if (gone && !to_the_end)
		leave(1);
	run_step(&ran, "DEL", step, previous);
	if (!ran_well(&ran) && !gone && given_up() && to_the_end)
		run_step(&ran, "DEL", step, previous);
	bool well = ran_well(&ran);
	if (!well)
		failed(failures, "DEL", step, &ran);
	free(ran.frame.bytes);
	return well;
}

/* A plugin that fails keeps those that stand below it in the same interface, and no others. */
static void delete_steps(size_t count, bool backwards, struct failures *failures, bool to_the_end)
{
	static bool left[MAX_STEPS];
	struct span previous = chain_knows(&here.chain, KNOWS_RESULT) ? here.chain.result : span_of("");
	memset(left, 0, sizeof left);
	for (size_t i = 0; i < count; i++) {
		size_t at = backwards ? count - 1 - i : i;
		const struct step *step = &here.chain.steps[at];
		if (may_go(step, left))
			left[at] = !delete_step(step, previous, failures, to_the_end);
	}
}

/* Of what was begun; then the failure is told. What cannot be undone stays noted for the runtime's DEL. */
static _Noreturn void undo(size_t begun)
{
	struct failures undone = {0}, *failures = &here.failures;
	delete_steps(begun, true, &undone, true);
	if (!undone.count)
		unlink(note_path(here.call.id));
	else {
		buffer_text(&failures->details, failures->details.size ? "\nnot undone yet: " : "not undone yet: ");
		add(&failures->details, filled(&undone.message));
	}
	report(CNI_DELEGATE);
}

static void cannot_write(int error)
{
	struct buffer *message = &here.failures.message;
	here.failures.count++;
	buffer_text(message, "the note of its networks cannot be written: ");
	buffer_text(message, reason(error));
	buffer_text(message, "; make room or fix the disk");
}

static void add_step(size_t at, struct buffer *result)
{
	const struct step *step = &here.chain.steps[at];
	struct ran ran = {0};
	run_step(&ran, "ADD", step, filled(result));
	if (!ran_well(&ran) || !result_of(&ran, here.chain.cni_version, result)) {
		failed(&here.failures, "ADD", step, &ran);
		undo(at + ran_at_all(&ran));
	}
	free(ran.frame.bytes);
	if (result->lost)
		no_memory();
	if (given_up())
		undo(at + 1);
}

static _Noreturn void add_alone(void)
{
	struct buffer result = {0};
	here.note = note_begin(here.call.id, &here.chain, &here.call);
	if (here.note < 0) {
		cannot_write(errno);
		report(CNI_OTHER);
	}
	for (size_t at = 0; at < here.chain.step_count; at++)
		add_step(at, &result);
	if (!note_result(here.note, filled(&result))) {
		cannot_write(errno);
		undo(here.chain.step_count);
	}
	leave(write_all(STDOUT_FILENO, filled(&result)) ? 0 : 1);
}

/* Looks into the namespace and comes back. False where it cannot be told: the daemon has the words for that. */
static bool is_free(const char *netns, const char *ifname)
{
	struct ifreq asked = {0};
	int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int pods = open(netns, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), there = -1;
	if (own >= 0 && pods >= 0 && !setns(pods, CLONE_NEWNET)) {
		there = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (setns(own, CLONE_NEWNET) < 0)
			fail(CNI_TRY_AGAIN, TEXT("netattach cannot return to the node's network namespace"), TEXT(reason(errno)));
	}
	memcpy(asked.ifr_name, ifname, strlen(ifname));
	bool free_name = there >= 0 && ioctl(there, SIOCGIFINDEX, &asked) < 0 && errno == ENODEV;
	close(own);
	close(pods);
	close(there);
	return free_name;
}

static bool has_note(void)
{
	return chain_read(note_path(here.call.id), &here.chain) == CHAIN_WHOLE && here.chain.has_call;
}

/* The ledger decides, also over a note: a pod that got a network later is no plain one any more. */
static bool is_in_ledger(void)
{
	return is_there(deletion_path(here.call.id)) || is_there(ledger_path(here.call.id));
}

/* With what ADD was told; only the namespace may be gone since. */
static void delete_noted(void)
{
	here.asked = here.chain.asked;
	here.asked.netns = span_of(here.call.netns);
	delete_steps(here.chain.step_count, true, &here.failures, false);
	if (here.failures.count)
		report(CNI_DELEGATE);
	unlink(note_path(here.call.id));
}

/* An unfinished ADD was told as failed, so it is undone and never finished. */
static void clear_what_an_earlier_call_left(void)
{
	if (here.chain.result.size) {
		buffer_text(&here.failures.message, "it is attached already; the runtime has to call DEL first");
		report(CNI_OTHER);
	}
	delete_noted();
}

static void add_first(int alive)
{
	if (is_in_ledger())
		return;
	if (has_note())
		clear_what_an_earlier_call_left();
	if (chain_read(primary_path(), &here.chain) != CHAIN_WHOLE || !is_plain(&here.call, &here.chain) ||
	    !chain_is_current(&here.chain) || !is_free(here.call.netns, here.call.ifname) ||
	    !collecting_lock(alive, daemon_path(), false))
		return;
	here.asked = (struct asked){span_of(here.call.netns), span_of(here.call.ifname), filled(&here.call.args),
				    filled(&here.call.runtime_config)};
	add_alone();
}

static void delete_first(void)
{
	if (is_in_ledger() || !has_note())
		return;
	delete_noted();
	leave(0);
}

static _Noreturn void ask_each(const char *verb, struct span previous, bool is_status)
{
	struct ran ran = {0};
	for (size_t at = 0; at < here.chain.step_count; at++) {
		const struct step *step = &here.chain.steps[at];
		run_step(&ran, verb, step, previous);
		if (ran_well(&ran))
			continue;
		failed(&here.failures, verb, step, &ran);
		report(!is_status ? CNI_DELEGATE : code_of(&ran) == CNI_LIMITED ? CNI_LIMITED : CNI_NOT_AVAILABLE);
	}
	leave(0);
}

static void check_first(void)
{
	if (is_in_ledger() || !has_note() || !here.chain.result.size)
		return;
	if (!chain_knows(&here.chain, KNOWS_CHECK))
		leave(0);
	here.asked = here.chain.asked;
	here.asked.netns = span_of(here.call.netns);
	ask_each("CHECK", here.chain.result, false);
}

/* The ledger's entry goes with the last plugin: then nothing is left for the daemon to do. */
static void delete_from_ledger(void)
{
	const char *id = here.call.id;
	here.asked = (struct asked){span_of(here.call.netns), span_of(here.call.ifname), filled(&here.call.args), span_of("{}")};
	delete_steps(here.chain.step_count, false, &here.failures, false);
	if (here.failures.count)
		report(CNI_DELEGATE);
	unlink(note_path(id));
	unlink(deletion_path(id));
	unlink(ledger_path(id));
}

static void delete_left(void)
{
	const char *id = here.call.id;
	if (chain_read(deletion_path(id), &here.chain) == CHAIN_WHOLE)
		delete_from_ledger();
	else if (is_there(ledger_path(id))) {
		buffer_text(&here.failures.message, "netattach is uninstalled, and how to delete its networks is not known without it; "
						    "install it again, or remove ");
		buffer_text(&here.failures.message, ledger_path(id));
		report(CNI_OTHER);
	}
	unlink(deletion_path(id)); /* one that cannot be read, whose entry somebody has removed */
	unlink(note_path(id)); /* a plain pod's one network is the runtime's own now */
}

void alone_first(const struct given *given, struct span configuration)
{
	call_read(&here.call, configuration);
	perform_for(given);
	stand_behind(given, &here.call, configuration, &here.chain, delete_left);
	bool add = is_command(&here.call, "ADD"), check = is_command(&here.call, "CHECK");
	if ((!add && !check && !is_command(&here.call, "DEL")) || !is_sandbox(here.call.id))
		return;
	here.locked = sandbox_lock(given->alive, daemon_path(), here.call.id);
	if (!here.locked)
		return;
	if (add)
		add_first(given->alive);
	else if (check)
		check_first();
	else
		delete_first();
}

/* Where this lock cannot be had nothing goes alone either. */
void alone_kept_out(int alive)
{
	if (is_command(&here.call, "GC"))
		collecting_lock(alive, daemon_path(), true);
}

bool alone_can(void)
{
	if (is_command(&here.call, "STATUS"))
		return true;
	return is_command(&here.call, "DEL") && here.locked && chain_read(deletion_path(here.call.id), &here.chain) == CHAIN_WHOLE;
}

static _Noreturn void status_instead(void)
{
	if (chain_read(primary_path(), &here.chain) == CHAIN_WHOLE && chain_is_current(&here.chain)) {
		if (!chain_knows(&here.chain, KNOWS_STATUS))
			leave(0);
		ask_each("STATUS", span_of(""), true);
	}
	fail(CNI_NOT_AVAILABLE,
	     TEXT("no netattach daemon answers at ", daemon_path(), ", and without it the node's default network is not known yet"), TEXT(""));
}

static _Noreturn void delete_instead(void)
{
	delete_from_ledger();
	leave(0);
}

_Noreturn void alone_instead(void)
{
	if (is_command(&here.call, "STATUS"))
		status_instead();
	delete_instead();
}
