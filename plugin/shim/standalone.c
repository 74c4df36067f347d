/* Without the daemon: ADD, CHECK and DEL of pods without secondary networks; and, where no daemon answers, STATUS, and DEL of what
 * the ledger holds. Whatever is unclear here is left to the daemon.
 *
 * As with the daemon's ledger, the sandbox's record is written before the first plugin runs. After a failure all is undone, in
 * reverse order; where that fails the record stays for the DEL that follows. */
#define _GNU_SOURCE
#include "standalone.h"
#include "chain_step.h"
#include "daemon_client.h"
#include "exit.h"
#include "lock.h"
#include "netns.h"
#include "plugin_error.h"
#include "sandbox_files.h"
#include "uninstalled.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	struct call call;
	struct chain chain;
	struct sandbox_args args;
	struct failures failures;
	bool locked;
	int record;
} state;

static struct chain_call chain_call(void)
{
	return (struct chain_call){state.call.id, state.args, state.chain.deadline_ms};
}

static void run_step(struct run_result *result, const char *verb, const struct step *step, struct span previous)
{
	const struct chain_call call = chain_call();
	step_run(step, &call, verb, previous, result);
}

static struct span ifname_of(const struct step *step)
{
	const struct chain_call call = chain_call();
	return step_ifname(step, &call);
}

static void add_failure(struct failures *failures, const char *verb, const struct step *step, const struct run_result *result)
{
	failures_add(failures, verb, step->network, ifname_of(step), step->plugin, result);
}

static void add_pod(struct buffer *message)
{
	if (state.call.namespace.size && state.call.pod.size) {
		buffer_text(message, "pod ");
		buffer_span(message, state.call.namespace);
		buffer_text(message, "/");
		buffer_span(message, state.call.pod);
	} else {
		buffer_text(message, "sandbox ");
		buffer_text(message, state.call.id);
	}
	buffer_text(message, ": ");
}

static _Noreturn void fail_call(enum cni_code code)
{
	struct failures *failures = &state.failures;
	struct buffer message = {0};
	add_pod(&message);
	buffer_span(&message, content_of(&failures->message));
	if (message.out_of_memory || failures->details.out_of_memory)
		no_memory();
	if (is_command(&state.call, "DEL")) {
		mask_del_success(&message);
		mask_del_success(&failures->details);
	}
	print_error(code, content_of(&message), content_of(&failures->details));
	exit_with(1);
}

/* What had nothing to do on ADD has nothing to undo; and whether no step of the same interface has failed before. */
static bool may_delete(const struct step *step, const bool *failed)
{
	if (step_is_idle(step, state.args.runtime_config))
		return false;
	for (size_t i = 0; i < state.chain.step_count; i++)
		if (failed[i] && span_equals(ifname_of(&state.chain.steps[i]), ifname_of(step)))
			return false;
	return true;
}

/* `to_the_end`: also for a cancelled call; a plugin that was killed by the cancelling is run once more. */
static bool delete_step(const struct step *step, struct span previous, struct failures *failures, bool to_the_end)
{
	struct run_result result = {0};
	bool cancelled = call_is_cancelled();
	if (cancelled && !to_the_end)
		exit_with(1);
	run_step(&result, "DEL", step, previous);
	if (!run_succeeded(&result) && !cancelled && call_is_cancelled() && to_the_end)
		run_step(&result, "DEL", step, previous);
	bool succeeded = run_succeeded(&result);
	if (!succeeded)
		add_failure(failures, "DEL", step, &result);
	free(result.frame.bytes);
	return succeeded;
}

/* After a plugin's failure the remaining ones of the same interface are left out, and no others. */
static void delete_steps(size_t count, bool reverse, struct failures *failures, bool to_the_end)
{
	static bool failed[MAX_STEPS];
	struct span previous = chain_has(&state.chain, FEATURE_RESULT) ? state.chain.result : span_of("");
	memset(failed, 0, sizeof failed);
	for (size_t i = 0; i < count; i++) {
		size_t at = reverse ? count - 1 - i : i;
		const struct step *step = &state.chain.steps[at];
		if (may_delete(step, failed))
			failed[at] = !delete_step(step, previous, failures, to_the_end);
	}
}

/* Undoes the steps that were started, and fails. What cannot be undone stays recorded for the runtime's DEL. */
static _Noreturn void undo(size_t started)
{
	struct failures undone = {0}, *failures = &state.failures;
	delete_steps(started, true, &undone, true);
	if (!undone.count)
		unlink(record_path(state.call.id));
	else {
		buffer_text(&failures->details, failures->details.size ? "\nnot undone yet: " : "not undone yet: ");
		buffer_span(&failures->details, content_of(&undone.message));
	}
	fail_call(CNI_DELEGATE);
}

static void add_write_failure(int error)
{
	struct buffer *message = &state.failures.message;
	state.failures.count++;
	buffer_text(message, "the record of its networks cannot be written: ");
	buffer_text(message, error_text(error));
	buffer_text(message, "; make room or fix the disk");
}

static void add_step(size_t at, struct buffer *result)
{
	const struct step *step = &state.chain.steps[at];
	struct run_result run = {0};
	if (step_is_idle(step, state.args.runtime_config))
		return; /* the previous result stays the chain's */
	run_step(&run, "ADD", step, content_of(result));
	if (!run_succeeded(&run) || !parse_result(&run, state.chain.cni_version, result)) {
		add_failure(&state.failures, "ADD", step, &run);
		undo(at + run_started(&run));
	}
	free(run.frame.bytes);
	if (result->out_of_memory)
		no_memory();
	if (call_is_cancelled())
		undo(at + 1);
}

static _Noreturn void add_steps(void)
{
	struct buffer result = {0};
	state.record = record_create(state.call.id, &state.chain, &state.call);
	if (state.record < 0) {
		add_write_failure(errno);
		fail_call(CNI_OTHER);
	}
	for (size_t at = 0; at < state.chain.step_count; at++)
		add_step(at, &result);
	if (!record_result(state.record, content_of(&result))) {
		add_write_failure(errno);
		undo(state.chain.step_count);
	}
	exit_with(write_all(STDOUT_FILENO, content_of(&result)) ? 0 : 1);
}

static bool read_record(void)
{
	return chain_read(record_path(state.call.id), &state.chain) == CHAIN_VALID && state.chain.has_call;
}

/* The ledger takes precedence over a record: it has the pods that got secondary networks later. */
static bool is_in_ledger(void)
{
	return may_exist(deletion_path(state.call.id)) || may_exist(ledger_path(state.call.id));
}

/* The arguments of the recorded ADD; only the namespace may be gone since. */
static void use_recorded_args(void)
{
	state.args = state.chain.args;
	state.args.netns = span_of(state.call.netns);
}

static void delete_recorded(void)
{
	use_recorded_args();
	delete_steps(state.chain.step_count, true, &state.failures, false);
	if (state.failures.count)
		fail_call(CNI_DELEGATE);
	unlink(record_path(state.call.id));
}

/* An ADD that did not finish has failed for the runtime, so it is undone and not continued. */
static void clear_earlier_add(void)
{
	if (state.chain.result.size) {
		buffer_text(&state.failures.message, "it is attached already; the runtime has to call DEL first");
		fail_call(CNI_OTHER);
	}
	delete_recorded();
}

static void try_add(void)
{
	if (is_in_ledger())
		return;
	if (read_record())
		clear_earlier_add();
	if (chain_read(primary_path(), &state.chain) != CHAIN_VALID || !has_no_secondary_networks(&state.call, &state.chain) ||
	    !chain_is_current(&state.chain) || !interface_is_free(state.call.netns, state.call.ifname) || !gc_lock(daemon_path(), false))
		return;
	state.args = (struct sandbox_args){span_of(state.call.netns), span_of(state.call.ifname), content_of(&state.call.args),
					  content_of(&state.call.runtime_config)};
	add_steps();
}

static void try_delete(void)
{
	if (is_in_ledger() || !read_record())
		return;
	delete_recorded();
	exit_with(0);
}

static enum cni_code status_code(const struct run_result *result)
{
	return plugin_code(result) == CNI_LIMITED ? CNI_LIMITED : CNI_NOT_AVAILABLE;
}

static _Noreturn void check_steps(const char *verb, struct span previous, bool is_status)
{
	struct run_result result = {0};
	for (size_t at = 0; at < state.chain.step_count; at++) {
		const struct step *step = &state.chain.steps[at];
		run_step(&result, verb, step, previous);
		if (run_succeeded(&result))
			continue;
		add_failure(&state.failures, verb, step, &result);
		fail_call(is_status ? status_code(&result) : CNI_DELEGATE);
	}
	exit_with(0);
}

static void try_check(void)
{
	if (is_in_ledger() || !read_record() || !state.chain.result.size)
		return;
	if (!chain_has(&state.chain, FEATURE_CHECK))
		exit_with(0);
	use_recorded_args();
	check_steps("CHECK", state.chain.result, false);
}

/* The ledger's entry is removed after the last plugin: then nothing is left for the daemon to do. */
static void delete_from_ledger(void)
{
	const char *id = state.call.id;
	state.args = (struct sandbox_args){span_of(state.call.netns), span_of(state.call.ifname), content_of(&state.call.args),
					  span_of("{}")};
	delete_steps(state.chain.step_count, false, &state.failures, false);
	if (state.failures.count)
		fail_call(CNI_DELEGATE);
	unlink(record_path(id));
	unlink(deletion_path(id));
	unlink(ledger_path(id));
}

static void delete_after_uninstall(void)
{
	const char *id = state.call.id;
	if (chain_read(deletion_path(id), &state.chain) == CHAIN_VALID)
		delete_from_ledger();
	else if (may_exist(ledger_path(id))) {
		buffer_text(&state.failures.message, "netattach is uninstalled, and without it its networks cannot be deleted; "
						    "install it again, or remove ");
		buffer_text(&state.failures.message, ledger_path(id));
		fail_call(CNI_OTHER);
	}
	unlink(deletion_path(id)); /* unreadable, and somebody has removed its ledger entry */
	unlink(record_path(id)); /* the runtime itself deletes the default network now */
}

void standalone_call(struct span configuration)
{
	call_parse(&state.call, configuration);
	uninstalled_call(&state.call, configuration, &state.chain, delete_after_uninstall);
	bool add = is_command(&state.call, "ADD"), check = is_command(&state.call, "CHECK");
	if ((!add && !check && !is_command(&state.call, "DEL")) || !is_container_id(state.call.id))
		return;
	state.locked = sandbox_lock(daemon_path(), state.call.id);
	if (!state.locked)
		return;
	if (add)
		try_add();
	else if (check)
		try_check();
	else
		try_delete();
}

/* Where this lock is impossible no ADD runs without the daemon either. */
void standalone_lock_out(void)
{
	if (is_command(&state.call, "GC"))
		gc_lock(daemon_path(), true);
}

bool standalone_is_fallback(void)
{
	if (is_command(&state.call, "STATUS"))
		return true;
	return is_command(&state.call, "DEL") && state.locked && chain_read(deletion_path(state.call.id), &state.chain) == CHAIN_VALID;
}

static _Noreturn void report_status(void)
{
	if (chain_read(primary_path(), &state.chain) == CHAIN_VALID && chain_is_current(&state.chain)) {
		if (!chain_has(&state.chain, FEATURE_STATUS))
			exit_with(0);
		check_steps("STATUS", span_of(""), true);
	}
	fail(CNI_NOT_AVAILABLE,
	     TEXT("no netattach daemon answers at ", daemon_path(), ", and without it the node's default network is not known yet"),
	     TEXT(""));
}

_Noreturn void standalone_fallback(void)
{
	if (is_command(&state.call, "STATUS"))
		report_status();
	delete_from_ledger();
	exit_with(0);
}
