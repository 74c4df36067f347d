/* Reads the configuration, and executes the call standalone where it can; else passes it to the daemon, runs the plugins that the
 * daemon names, and prints its answer.
 *
 * Until the CALL is sent nothing was started, and the worker may exit at any time. From then on it exits in one of three ways:
 * with the daemon's ANSWER; with an error, after all that it started has ended; and where the runtime killed the launcher, with
 * the daemon's ANSWER to a CANCEL, after the daemon has undone what was done. */
#define _GNU_SOURCE
#include "session.h"
#include "daemon_client.h"
#include "exit.h"
#include "netns.h"
#include "places.h"
#include "runs.h"
#include "runtime.h"
#include "standalone.h"
#include "supervisor.h"
#include "sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_STDIN (4u << 20)
#define CHUNK 65536
#define ROUTE_SOCKETS_VERSION 2 /* of the protocol */
#define SYSCTLS_VERSION 3

extern char **environ;

static struct {
	int sigchld;
	int netns; /* of the pod; NO_DESCRIPTOR = none */
	bool cancelled;
} state;

static struct buffer read_stdin(void)
{
	struct buffer text = {0};
	for (;;) {
		wait_for(STDIN_FILENO, -1);
		if (!buffer_reserve(&text, CHUNK))
			no_memory();
		ssize_t got = read(STDIN_FILENO, text.bytes + text.size, CHUNK);
		if (!got)
			return text;
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			fail(CNI_IO_FAILURE, TEXT("the network configuration could not be read from standard input"), TEXT(error_text(errno)));
		text.size += (size_t)got;
		if (text.size > MAX_STDIN)
			fail(CNI_UNDECODABLE, TEXT("the network configuration on standard input is larger than 4 MiB"), TEXT(""));
	}
}

/* The pod's network namespace, and for an ADD two route sockets in it, since the daemon may not enter it. The daemon validates that
 * the path is a namespace; a pipe or terminal at that path must not block us. Returns their number. */
static size_t open_pod(int descriptors[MOST_PASSED])
{
	const char *path = getenv("CNI_NETNS"), *command = getenv("CNI_COMMAND");
	state.netns = path && *path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : NO_DESCRIPTOR;
	if (state.netns < 0)
		return 0;
	descriptors[0] = state.netns;
	bool is_add = command && !strcmp(command, "ADD") && daemon_version() >= ROUTE_SOCKETS_VERSION;
	return 1 + (is_add ? sockets_in(state.netns, AF_NETLINK, descriptors + 1, MOST_PASSED - 1) : 0);
}

/* From here on the daemon may act: no exit any more without its answer or the end of all that was started. */
static void send_call(struct buffer configuration)
{
	struct buffer call = {0};
	frame_begin(&call, 'C');
	frame_field(&call, content_of(&configuration));
	for (char **entry = environ; *entry; entry++)
		if (!strncmp(*entry, "CNI_", 4))
			frame_field(&call, span_of(*entry));
	places_add(&call);
	frame_end(&call);
	if (call.out_of_memory)
		no_memory();
	int descriptors[MOST_PASSED];
	size_t count = open_pod(descriptors);
	daemon_send_with(content_of(&call), descriptors, count);
	while (count > 1)
		close(descriptors[--count]); /* all but the namespace */
	free(call.bytes);
	free(configuration.bytes);
}

static void send_ran(uint64_t id, const char *outcome, uint64_t number)
{
	struct buffer frame = {0};
	ran_frame(&frame, id, outcome, number, span_of(""), span_of(""));
	if (frame.out_of_memory)
		no_memory();
	daemon_send(content_of(&frame));
	free(frame.bytes);
}

static void send_end(const struct run_end *end)
{
	if (end->frame == NO_DESCRIPTOR) {
		send_ran(end->id, end->outcome, end->number);
		return;
	}
	daemon_send_file(end->frame);
	close(end->frame);
}

static void send_ended(void)
{
	struct run_end end;
	while (runs_next_ended(&end))
		send_end(&end);
}

/* The runtime killed the launcher: all that runs has ended before the daemon hears of it and undoes anything. */
static void cancel(void)
{
	static const struct span frame = {(const unsigned char *)"\0\0\0\0K", 5};
	state.cancelled = true;
	runs_kill();
	release_runtime();
	send_ended();
	daemon_send(frame);
}

static void handle_run(struct span fields)
{
	struct run_end end;
	switch (runs_start(fields, &end)) {
	case RUN_STARTED:
		return;
	case RUN_NOT_STARTED:
		send_end(&end);
		return;
	case RUN_MALFORMED:
		protocol_error("a RUN without the fields of one");
	}
}

static const char not_sysctls[] = "a SYSCTLS without the fields of one";

static int write_in_place(const struct sysctl *sysctl)
{
	if (!sysctl->in_pod)
		return sysctl_write(sysctl);
	if (state.netns < 0)
		return ENOENT;
	if (!netns_enter(state.netns))
		return errno;
	int error = sysctl_write(sysctl);
	netns_leave();
	return error;
}

static void handle_sysctls(struct span fields)
{
	struct sysctl sysctl;
	struct buffer errnos = {0};
	uint64_t id;
	if (daemon_version() < SYSCTLS_VERSION || !next_number(&fields, &id))
		protocol_error(not_sysctls);
	frame_begin(&errnos, 'E');
	frame_number(&errnos, id);
	while (fields.size) {
		if (!sysctl_next(&fields, &sysctl))
			protocol_error(not_sysctls);
		frame_number(&errnos, (uint64_t)write_in_place(&sysctl));
	}
	frame_end(&errnos);
	if (errnos.out_of_memory)
		no_memory();
	daemon_send(content_of(&errnos));
	free(errnos.bytes);
}

/* An answer that did not reach the runtime is no success. */
static _Noreturn void handle_answer(struct span fields)
{
	uint64_t status;
	struct span text;
	if (!next_number(&fields, &status) || status > 255 || !next_field(&fields, &text))
		protocol_error("an ANSWER without the fields of one");
	if (runs_pending())
		runs_kill();
	bool printed = write_all(STDOUT_FILENO, text);
	exit_with(printed || status ? (int)status : 1);
}

static void handle_frame(const struct frame *frame)
{
	switch (frame->kind) {
	case 'R':
		handle_run(frame->fields);
		return;
	case 'S':
		handle_sysctls(frame->fields);
		return;
	case 'A':
		handle_answer(frame->fields);
	default:
		protocol_error("a frame that is neither RUN, SYSCTLS nor ANSWER");
	}
}

/* Handled frames are removed once per reading, not one by one. */
static void receive(void)
{
	struct frame frame;
	enum frame_status status;
	struct buffer *received = daemon_receive();
	struct span input = content_of(received);
	while ((status = next_frame(&input, &frame)) == FRAME_COMPLETE)
		handle_frame(&frame);
	if (status == FRAME_MALFORMED)
		protocol_error("the daemon sent bytes that are no frame");
	memmove(received->bytes, input.bytes, input.size);
	received->size = input.size;
}

static _Noreturn void serve_daemon(void)
{
	for (;;) {
		struct pollfd watched[] = {{state.cancelled ? NO_DESCRIPTOR : runtime_hangup(), 0, 0},
					   {state.sigchld, POLLIN, 0},
					   {daemon_socket(), POLLIN, 0}};
		if (poll(watched, 3, -1) < 0)
			continue; /* EINTR, or a shortage that passes */
		if (watched[0].revents)
			cancel();
		if (watched[1].revents) {
			runs_reap();
			send_ended();
		}
		if (watched[2].revents)
			receive();
	}
}

/* The daemon went away: what can be done without it is done again from the beginning. */
static void fall_back(void)
{
	runs_discard();
	if (standalone_is_fallback())
		standalone_fallback();
}

_Noreturn void serve_call(int hangup, int sigchld)
{
	state.sigchld = sigchld;
	runtime_watch(hangup);
	runs_watch(sigchld);
	daemon_configure(fall_back);
	struct buffer configuration = read_stdin();
	standalone_call(content_of(&configuration));
	if (!daemon_connect(standalone_is_fallback()))
		standalone_fallback();
	standalone_lock_out();
	runs_close_in_supervisors(daemon_socket());
	send_call(configuration);
	serve_daemon();
}
