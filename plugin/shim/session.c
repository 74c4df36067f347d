/* The runner: reads the configuration, does what it can alone, else asks the daemon, starts the plugins that the daemon names, prints its answer.
 *
 * Until the CALL is sent nothing has begun, and it may end at any time. From then on it ends in one of three ways: with the
 * daemon's ANSWER; with an error, after all that it started has ended; and where the runtime killed the front, with the
 * daemon's ANSWER to a CANCEL, after the daemon has undone what was done. */
#define _GNU_SOURCE
#include "session.h"
#include "standalone.h"
#include "daemon_client.h"
#include "process_tree.h"
#include "lock.h"
#include "run_request.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_STDIN (4u << 20)
#define MAX_RUNS 64
#define CHUNK 65536

extern char **environ;

struct run {
	pid_t keeper; /* 0 = this place is free */
	uint64_t id;
	int result;
	bool ended;
	int status;
};

static struct {
	struct given given;
	bool cancelled;
	struct run runs[MAX_RUNS];
} here;

static void note_end(pid_t keeper, int status)
{
	for (struct run *run = here.runs; run < here.runs + MAX_RUNS; run++)
		if (run->keeper == keeper && !run->ended) {
			run->ended = true;
			run->status = status;
		}
}

static struct buffer read_stdin(void)
{
	struct buffer text = {0};
	for (;;) {
		wait_for(here.given.alive, STDIN_FILENO, -1);
		if (!buffer_room(&text, CHUNK))
			no_memory();
		ssize_t got = read(STDIN_FILENO, text.bytes + text.size, CHUNK);
		if (!got)
			return text;
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			fail(CNI_IO_FAILURE, TEXT("the network configuration could not be read from standard input"), TEXT(reason(errno)));
		text.size += (size_t)got;
		if (text.size > MAX_STDIN)
			fail(CNI_UNDECODABLE, TEXT("the network configuration on standard input is larger than 4 MiB"), TEXT(""));
	}
}

/* Whether the path is a namespace is the daemon's to validate; a pipe or terminal at that path must not stop us. */
static int open_netns(void)
{
	const char *path = getenv("CNI_NETNS");
	return path && *path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : NO_DESCRIPTOR;
}

/* From here on the daemon may act: no exit any more without its answer or the end of all that was started. */
static void send_call(struct buffer configuration)
{
	struct buffer call = {0};
	frame_begin(&call, 'C');
	frame_field(&call, filled(&configuration));
	for (char **entry = environ; *entry; entry++)
		if (!strncmp(*entry, "CNI_", 4))
			frame_field(&call, span_of(*entry));
	frame_end(&call);
	if (call.lost)
		no_memory();
	int netns = open_netns();
	daemon_send(filled(&call), netns);
	if (netns != NO_DESCRIPTOR)
		close(netns);
	free(call.bytes);
	free(configuration.bytes);
}

static void send_ran(uint64_t id, const char *outcome, uint64_t number)
{
	struct buffer frame = {0};
	ran_frame(&frame, id, outcome, number, span_of(""), span_of(""));
	if (frame.lost)
		no_memory();
	daemon_send(filled(&frame), NO_DESCRIPTOR);
	free(frame.bytes);
}

static bool is_keeper(pid_t child)
{
	for (struct run *run = here.runs; run < here.runs + MAX_RUNS; run++)
		if (run->keeper == child && !run->ended)
			return true;
	return false;
}

/* A keeper that was killed left its plugin's descendants to us: nothing of a run may act once it is reported. */
static void report(struct run *run)
{
	if (WIFSIGNALED(run->status))
		end_strays(note_end, is_keeper);
	if (WIFEXITED(run->status) && !WEXITSTATUS(run->status))
		daemon_send_file(run->result); /* a whole RAN frame */
	else if (WIFEXITED(run->status))
		send_ran(run->id, "failed", (uint64_t)WEXITSTATUS(run->status));
	else
		send_ran(run->id, "killed", (uint64_t)WTERMSIG(run->status));
	close(run->result);
	*run = (struct run){0};
}

static bool report_one(void)
{
	for (struct run *run = here.runs; run < here.runs + MAX_RUNS; run++)
		if (run->keeper && run->ended) {
			report(run);
			return true;
		}
	return false;
}

/* From the start each time: during a report others may be seen to end. */
static void report_ended(void)
{
	while (report_one())
		;
}

static void reap(void)
{
	struct signalfd_siginfo ignored;
	pid_t child;
	int status;
	(void)!read(here.given.signals, &ignored, sizeof ignored);
	while ((child = waitpid(-1, &status, WNOHANG)) > 0)
		note_end(child, status);
	report_ended();
}

void let_go_of_runtime(void)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		if (nothing < 0 || dup2(nothing, i) < 0)
			close(i);
	if (nothing > 2)
		close(nothing);
}

/* The runtime gave up and killed the front: all that runs is ended before the daemon hears of it, and so undoes anything. */
static void cancel(void)
{
	static const struct span frame = {(const unsigned char *)"\0\0\0\0K", 5};
	here.cancelled = true;
	end_descendants(note_end);
	let_go_of_runtime();
	report_ended();
	daemon_send(frame, NO_DESCRIPTOR);
}

static struct run *free_place(void)
{
	for (struct run *run = here.runs; run < here.runs + MAX_RUNS; run++)
		if (!run->keeper)
			return run;
	return NULL;
}

/* The keeper must not hold the daemon's socket: the daemon sees our end by its closing. */
static void start_keeper(struct run *run, const struct order *order)
{
	run->keeper = fork();
	if (run->keeper < 0) {
		int error = errno;
		close(order->result);
		*run = (struct run){0};
		send_ran(order->id, "failed", (uint64_t)error);
		return;
	}
	if (!run->keeper) {
		close(daemon_socket());
		close(here.given.alive);
		keep(order);
	}
	run->id = order->id;
	run->result = order->result;
}

static void start_run(struct order *order)
{
	struct run *run = free_place();
	if (!run) {
		send_ran(order->id, "failed", EAGAIN);
		return;
	}
	order->result = memory_file("netattach-ran");
	if (order->result < 0) {
		send_ran(order->id, "failed", (uint64_t)errno);
		return;
	}
	order->signals = here.given.signals;
	order->runner = getpid();
	start_keeper(run, order);
}

static void obey_run(struct span fields)
{
	struct order order;
	switch (order_read(fields, &order)) {
	case ORDER_GIVEN:
		start_run(&order);
		return;
	case ORDER_REFUSED:
		send_ran(order.id, "refused", 0);
		return;
	case ORDER_NOT_FOUND:
		send_ran(order.id, "not-found", 0);
		return;
	case ORDER_GARBAGE:
		misled("a RUN without the fields of one");
	}
}

static bool anything_runs(void)
{
	for (struct run *run = here.runs; run < here.runs + MAX_RUNS; run++)
		if (run->keeper)
			return true;
	return false;
}

/* An answer that did not reach the runtime is no success. */
static _Noreturn void obey_answer(struct span fields)
{
	uint64_t status;
	struct span text;
	if (!next_number(&fields, &status) || status > 255 || !next_field(&fields, &text))
		misled("an ANSWER without the fields of one");
	if (anything_runs())
		end_descendants(note_end);
	bool told = write_all(STDOUT_FILENO, text);
	leave(told || status ? (int)status : 1);
}

static void obey(const struct frame *frame)
{
	switch (frame->kind) {
	case 'R':
		obey_run(frame->fields);
		return;
	case 'A':
		obey_answer(frame->fields);
	default:
		misled("a frame that is neither RUN nor ANSWER");
	}
}

/* What was obeyed is cut off once per reading, not once per frame. */
static void hear(void)
{
	struct frame frame;
	enum taken taken;
	struct buffer *heard = daemon_hear();
	struct span input = filled(heard);
	while ((taken = frame_take(&input, &frame)) == TAKEN_FRAME)
		obey(&frame);
	if (taken == TAKEN_GARBAGE)
		misled("what came is no frame");
	memmove(heard->bytes, input.bytes, input.size);
	heard->size = input.size;
}

static _Noreturn void serve(void)
{
	for (;;) {
		struct pollfd watched[] = {{here.cancelled ? -1 : here.given.alive, 0, 0},
					   {here.given.signals, POLLIN, 0},
					   {daemon_socket(), POLLIN, 0}};
		if (poll(watched, 3, -1) < 0)
			continue; /* EINTR, or a shortage that passes */
		if (watched[0].revents)
			cancel();
		if (watched[1].revents)
			reap();
		if (watched[2].revents)
			hear();
	}
}

_Noreturn void converse(const struct given *given)
{
	here.given = *given;
	daemon_settings();
	struct buffer configuration = read_stdin();
	alone_first(given, filled(&configuration));
	if (!daemon_find(given->alive, alone_can()))
		alone_instead();
	alone_kept_out(given->alive);
	send_call(configuration);
	serve();
}
