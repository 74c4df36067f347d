/* Starts supervisors, reaps them, and returns how their runs ended. */
#define _GNU_SOURCE
#include "runs.h"
#include "exit.h"
#include "process_tree.h"
#include "runtime.h"
#include "supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_RUNS 64
#define CHUNK 65536

struct slot {
	pid_t supervisor; /* 0 = the slot is free */
	uint64_t id;
	int result;
	bool ended;
	int status;
};

static int closed_in_supervisors = NO_DESCRIPTOR;

static struct {
	int sigchld;
	bool cancelled;
	struct slot slots[MAX_RUNS];
} state;

void runs_watch(int sigchld)
{
	state.sigchld = sigchld;
}

void runs_close_in_supervisors(int descriptor)
{
	closed_in_supervisors = descriptor;
}

/* The slot of a supervisor that was not reaped: afterwards its number may belong to another process. */
static struct slot *running(pid_t supervisor)
{
	for (struct slot *slot = state.slots; slot < state.slots + MAX_RUNS; slot++)
		if (slot->supervisor == supervisor && !slot->ended)
			return slot;
	return NULL;
}

static bool is_running(pid_t child)
{
	return running(child);
}

static void set_ended(pid_t child, int status)
{
	struct slot *slot = running(child);
	if (!slot)
		return; /* an orphan of a plugin */
	slot->ended = true;
	slot->status = status;
}

static bool any_running(void)
{
	for (struct slot *slot = state.slots; slot < state.slots + MAX_RUNS; slot++)
		if (slot->supervisor && !slot->ended)
			return true;
	return false;
}

bool runs_pending(void)
{
	for (struct slot *slot = state.slots; slot < state.slots + MAX_RUNS; slot++)
		if (slot->supervisor)
			return true;
	return false;
}

static enum run_start not_started(struct run_end *end, uint64_t id, const char *outcome, int number)
{
	*end = (struct run_end){id, NO_DESCRIPTOR, outcome, (uint64_t)number};
	return RUN_NOT_STARTED;
}

static struct slot *free_slot(void)
{
	for (struct slot *slot = state.slots; slot < state.slots + MAX_RUNS; slot++)
		if (!slot->supervisor)
			return slot;
	return NULL;
}

static enum run_start start_supervisor(struct slot *slot, const struct run_request *request, int result, struct run_end *end)
{
	pid_t worker = getpid();
	pid_t supervisor = fork();
	if (supervisor < 0) {
		int error = errno;
		close(result);
		return not_started(end, request->id, "failed", error);
	}
	if (!supervisor) {
		if (closed_in_supervisors != NO_DESCRIPTOR)
			close(closed_in_supervisors);
		close(runtime_hangup());
		supervise(request, state.sigchld, result, worker);
	}
	*slot = (struct slot){.supervisor = supervisor, .id = request->id, .result = result};
	return RUN_STARTED;
}

static enum run_start start(const struct run_request *request, struct run_end *end)
{
	struct slot *slot = free_slot();
	if (!slot)
		return not_started(end, request->id, "failed", EAGAIN);
	int result = memory_file("netattach-ran");
	if (result < 0)
		return not_started(end, request->id, "failed", errno);
	return start_supervisor(slot, request, result, end);
}

enum run_start runs_start(struct span fields, struct run_end *end)
{
	struct run_request request;
	switch (run_request_parse(fields, &request)) {
	case REQUEST_VALID:
		return start(&request, end);
	case REQUEST_REFUSED:
		return not_started(end, request.id, "refused", 0);
	case REQUEST_NOT_FOUND:
		return not_started(end, request.id, "not-found", 0);
	default:
		return RUN_MALFORMED;
	}
}

void runs_reap(void)
{
	struct signalfd_siginfo ignored;
	pid_t child;
	int status;
	(void)!read(state.sigchld, &ignored, sizeof ignored);
	while ((child = waitpid(-1, &status, WNOHANG)) > 0)
		set_ended(child, status);
}

/* A supervisor that was killed left its plugin's descendants to us: nothing of a run may act once it is returned. */
static void collect(struct slot *slot, struct run_end *end)
{
	int status = slot->status;
	if (WIFSIGNALED(status))
		kill_descendants_except(any_running() ? is_running : NULL, set_ended);
	*end = (struct run_end){slot->id, NO_DESCRIPTOR, "killed", 0};
	if (WIFEXITED(status) && !WEXITSTATUS(status)) {
		end->frame = slot->result;
	} else {
		close(slot->result);
		end->outcome = WIFEXITED(status) ? "failed" : "killed";
		end->number = (uint64_t)(WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	}
	*slot = (struct slot){0};
}

bool runs_next_ended(struct run_end *end)
{
	for (struct slot *slot = state.slots; slot < state.slots + MAX_RUNS; slot++)
		if (slot->supervisor && slot->ended) {
			collect(slot, end);
			return true;
		}
	return false;
}

void runs_kill(void)
{
	kill_descendants(set_ended);
}

void runs_discard(void)
{
	struct run_end end;
	runs_kill();
	while (runs_next_ended(&end))
		if (end.frame != NO_DESCRIPTOR)
			close(end.frame);
}

static void watch(int milliseconds)
{
	struct pollfd watched[] = {{state.cancelled ? -1 : runtime_hangup(), 0, 0}, {state.sigchld, POLLIN, 0}};
	if (poll(watched, 2, milliseconds) < 0)
		return; /* EINTR, or a shortage that passes */
	if (watched[0].revents) {
		state.cancelled = true;
		runs_kill();
		release_runtime();
	}
	if (watched[1].revents)
		runs_reap();
}

bool call_is_cancelled(void)
{
	if (!state.cancelled)
		watch(0);
	return state.cancelled;
}

static void set_result(struct run_result *result, const char *outcome, uint64_t number)
{
	result->outcome = span_of(outcome);
	result->number = number;
	result->out = result->err = span_of("");
}

static bool parse_frame(struct run_result *result)
{
	struct span input = content_of(&result->frame), id;
	struct frame frame;
	return next_frame(&input, &frame) == FRAME_COMPLETE && next_field(&frame.fields, &id) &&
	       next_field(&frame.fields, &result->outcome) && next_number(&frame.fields, &result->number) &&
	       next_field(&frame.fields, &result->out) && next_field(&frame.fields, &result->err);
}

static void read_frame(struct run_result *result, int file)
{
	ssize_t got = 1;
	result->frame.size = 0;
	lseek(file, 0, SEEK_SET);
	while (got > 0 && buffer_reserve(&result->frame, CHUNK)) {
		got = read(file, result->frame.bytes + result->frame.size, CHUNK);
		if (got > 0)
			result->frame.size += (size_t)got;
	}
	close(file);
	if (result->frame.out_of_memory)
		no_memory();
	if (!parse_frame(result))
		set_result(result, "killed", SIGKILL);
}

void run_plugin(struct span fields, struct run_result *result)
{
	struct run_end end;
	switch (runs_start(fields, &end)) {
	case RUN_STARTED:
		while (!runs_next_ended(&end))
			watch(-1);
		break;
	case RUN_MALFORMED:
		end = (struct run_end){0, NO_DESCRIPTOR, "refused", 0};
		break;
	case RUN_NOT_STARTED:
		break;
	}
	if (end.frame != NO_DESCRIPTOR)
		read_frame(result, end.frame);
	else
		set_result(result, end.outcome, end.number);
}
