/* The runner: reads the configuration, asks the daemon, starts the plugins that the daemon names, prints its answer.
 *
 * Until the CALL is sent nothing has begun, and it may end at any time. From then on it ends in one of three ways: with the
 * daemon's ANSWER; with an error, after all that it started has ended; and where the runtime killed the front, with the
 * daemon's ANSWER to a CANCEL, after the daemon has undone what was done. */
#define _GNU_SOURCE
#include "runner.h"
#include "descendants.h"
#include "report.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAGIC "netattach"
#define LOWEST_VERSION 1
#define HIGHEST_VERSION 1
#define MAX_STDIN (4u << 20)
#define MAX_RUNS 64
#define FIRST_PAUSE_MS 10
#define LAST_PAUSE_MS 500
#define CHUNK 65536

extern char **environ;

struct run {
	pid_t keeper; /* 0 = this place is free */
	uint64_t id;
	int result;
	bool ended;
	int status;
};

/* One process holds one conversation. */
static struct {
	struct given given;
	const char *command, *path;
	uint64_t wait_ms, wait_until;
	int socket;
	bool cancelled;
	struct buffer input;
	struct run runs[MAX_RUNS];
} here;

static void note_end(pid_t keeper, int status)
{
	for (struct run *run = here.runs; run < here.runs + MAX_RUNS; run++)
		if (run->keeper == keeper) {
			run->ended = true;
			run->status = status;
		}
}

/* Ends the call with an error, after everything that it started. */
static _Noreturn void fail(enum cni_code code, const char *const *message, const char *const *details)
{
	end_descendants(note_end);
	print_error(code, joined(message), joined(details));
	_exit(1);
}

static _Noreturn void no_memory(void)
{
	fail(CNI_TRY_AGAIN, TEXT("netattach ", here.command, ": no memory is left; the runtime will try again"), TEXT(""));
}

static _Noreturn void lost(const char *why)
{
	fail(CNI_TRY_AGAIN,
	     TEXT("the netattach daemon went away during ", here.command, "; the runtime will try again"),
	     TEXT(here.path, ": ", why));
}

static _Noreturn void misled(const char *what)
{
	fail(CNI_UNDECODABLE,
	     TEXT("what answers at ", here.path, " does not speak as a netattach daemon of this release does; the pod netattach-daemon of "
		  "this node installs the shim that belongs to it: see that it is running and of one release with the others"),
	     TEXT(what));
}

/* Waits for the descriptor, and ends the process where the front is gone: only for the time in which nothing has begun. */
static bool wait_for(int descriptor, int milliseconds)
{
	struct pollfd watched[] = {{here.given.alive, 0, 0}, {descriptor, POLLIN, 0}};
	int ready;
	do
		ready = poll(watched, 2, milliseconds);
	while (ready < 0 && errno == EINTR);
	if (watched[0].revents)
		_exit(1); /* nobody reads what it would say */
	return ready > 0;
}

static struct buffer read_stdin(void)
{
	struct buffer text = {0};
	for (;;) {
		wait_for(STDIN_FILENO, -1);
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

static void read_settings(void)
{
	const char *path = getenv("NETATTACH_SOCKET"), *wait = getenv("NETATTACH_WAIT_MS");
	here.path = path && *path ? path : SOCKET;
	here.wait_ms = WAIT_MS;
	if (wait && !number_of(span_of(wait), &here.wait_ms))
		fail(CNI_BAD_ENVIRONMENT, TEXT("NETATTACH_WAIT_MS has to be a number of milliseconds, and is ", wait), TEXT(""));
	if (strlen(here.path) >= sizeof ((struct sockaddr_un *)0)->sun_path)
		fail(CNI_BAD_ENVIRONMENT, TEXT("NETATTACH_SOCKET is too long for a unix socket: ", here.path), TEXT(""));
	here.wait_until = now_ms() + here.wait_ms;
}

static int left_to_wait(void)
{
	uint64_t now = now_ms();
	if (now >= here.wait_until)
		return 0;
	uint64_t left = here.wait_until - now;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

/* Not blocking while it connects: the queue of a daemon that hangs may be full. */
static bool connect_once(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, here.path, strlen(here.path));
	here.socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (here.socket < 0)
		fail(CNI_TRY_AGAIN, TEXT("no socket could be made"), TEXT(reason(errno)));
	if (connect(here.socket, (struct sockaddr *)&address, sizeof address) < 0)
		return false;
	fcntl(here.socket, F_SETFL, 0);
	return true;
}

static bool may_come(int error)
{
	return error == ENOENT || error == ECONNREFUSED || error == EAGAIN || error == EINTR || error == ECONNRESET || error == EPIPE;
}

/* Reads once more; false at the end or on an error, which errno tells (0 = the end). */
static bool receive(void)
{
	if (!buffer_room(&here.input, CHUNK))
		no_memory();
	ssize_t got = recv(here.socket, here.input.bytes + here.input.size, CHUNK, MSG_DONTWAIT);
	if (got > 0) {
		here.input.size += (size_t)got;
		return true;
	}
	if (!got)
		errno = 0;
	return got < 0 && (errno == EINTR || errno == EAGAIN);
}

static enum taken greeting(struct frame *frame)
{
	struct span input = filled(&here.input);
	enum taken taken = frame_take(&input, frame);
	if (taken == TAKEN_GARBAGE)
		misled("the greeting is no frame");
	if (taken == TAKEN_FRAME && input.size)
		misled("the greeting is more than one frame");
	return taken;
}

static _Noreturn void refused(struct span fields)
{
	struct span text = span_of("the netattach daemon refused the call without a reason");
	next_field(&fields, &text);
	print_error(CNI_TRY_AGAIN, text, span_of(here.path));
	_exit(1);
}

static void welcomed(const struct frame *frame)
{
	struct span fields = frame->fields;
	uint64_t version;
	if (frame->kind == 'X')
		refused(fields);
	if (frame->kind != 'W' || !next_number(&fields, &version))
		misled("the greeting is neither a welcome nor a refusal");
	if (version < LOWEST_VERSION || version > HIGHEST_VERSION)
		misled("the daemon chose a version of the protocol that was not offered");
	here.input.size = 0;
}

/* Tells our versions and reads the daemon's choice; false where the daemon went away before: nothing has begun. */
static bool greet(void)
{
	struct buffer hello = {0};
	struct frame frame;
	frame_begin(&hello, 'H');
	frame_field(&hello, span_of(MAGIC));
	frame_number(&hello, LOWEST_VERSION);
	frame_number(&hello, HIGHEST_VERSION);
	frame_field(&hello, span_of(BUILD));
	frame_end(&hello);
	if (hello.lost)
		no_memory();
	here.input.size = 0;
	bool sent = send_all(here.socket, filled(&hello), NO_DESCRIPTOR);
	free(hello.bytes);
	if (!sent)
		return false;
	while (greeting(&frame) == TAKEN_NOTHING) {
		if (!wait_for(here.socket, left_to_wait())) {
			errno = ETIMEDOUT;
			return false;
		}
		if (!receive()) {
			errno = errno ? errno : ECONNRESET;
			return false;
		}
	}
	welcomed(&frame);
	return true;
}

static _Noreturn void no_daemon(int error)
{
	struct buffer waited = {0};
	buffer_number(&waited, here.wait_ms);
	buffer_add(&waited, "", 1);
	fail(CNI_TRY_AGAIN,
	     TEXT("no netattach daemon answered at ", here.path, " within ", waited.lost ? "some" : (const char *)waited.bytes,
		  " ms: see whether the pod netattach-daemon of this node is running; the runtime will try again"),
	     TEXT(reason(error)));
}

/* A daemon that is being started or replaced is waited for. */
static void find_daemon(void)
{
	for (int pause = FIRST_PAUSE_MS; !(connect_once() && greet()); pause = pause * 2 < LAST_PAUSE_MS ? pause * 2 : LAST_PAUSE_MS) {
		int error = errno, left = left_to_wait();
		close(here.socket);
		if (!left || !may_come(error))
			no_daemon(error);
		wait_for(-1, pause < left ? pause : left);
	}
}

/* Whether the path is a namespace is the daemon's to judge; a pipe or terminal at that path must not stop us. */
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
	if (!send_all(here.socket, filled(&call), netns))
		lost(reason(errno));
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
	if (!send_all(here.socket, filled(&frame), NO_DESCRIPTOR))
		lost(reason(errno));
	free(frame.bytes);
}

/* The keeper left a whole RAN frame. */
static void send_result(int result)
{
	off_t at = 0, size = lseek(result, 0, SEEK_END);
	while (at < size) {
		ssize_t sent = sendfile(here.socket, result, &at, (size_t)(size - at));
		if (sent <= 0 && errno != EINTR)
			lost(reason(errno));
	}
}

static void report(struct run *run)
{
	if (WIFEXITED(run->status) && !WEXITSTATUS(run->status))
		send_result(run->result);
	else if (WIFEXITED(run->status))
		send_ran(run->id, "failed", (uint64_t)WEXITSTATUS(run->status));
	else
		send_ran(run->id, "killed", (uint64_t)WTERMSIG(run->status));
	close(run->result);
	*run = (struct run){0};
}

static void report_ended(void)
{
	for (struct run *run = here.runs; run < here.runs + MAX_RUNS; run++)
		if (run->keeper && run->ended)
			report(run);
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

/* The runtime reads our output until everybody has closed it: it shall not wait for what is undone now. */
static void let_go_of_runtime(void)
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
	if (!send_all(here.socket, frame, NO_DESCRIPTOR))
		lost(reason(errno));
}

static bool has_nul(struct span text)
{
	return text.size && memchr(text.bytes, 0, text.size);
}

static bool equals(struct span text, const char *other)
{
	return text.size == strlen(other) && !memcmp(text.bytes, other, text.size);
}

static bool is_plugin_name(struct span name)
{
	return name.size && !has_nul(name) && !memchr(name.bytes, '/', name.size) && !equals(name, ".") && !equals(name, "..");
}

/* Only the runtime says where plugins are; a variable that is none of CNI's could load code into one (LD_PRELOAD). */
static bool is_allowed_variable(struct span entry)
{
	if (entry.size < 5 || memcmp(entry.bytes, "CNI_", 4) != 0 || has_nul(entry))
		return false;
	const unsigned char *equal = memchr(entry.bytes, '=', entry.size);
	return equal && !equals((struct span){entry.bytes, (size_t)(equal - entry.bytes)}, "CNI_PATH");
}

static bool may_run(struct span name, struct span variables)
{
	struct span entry;
	while (next_field(&variables, &entry))
		if (!is_allowed_variable(entry))
			return false;
	return is_plugin_name(name);
}

/* The first regular file of that name in CNI_PATH, as libcni looks for it; it stays valid until the next call. */
static const char *resolve(struct span name)
{
	static char path[4096];
	const char *next, *at = getenv("CNI_PATH");
	for (; at && *at; at = *next ? next + 1 : next) {
		next = at + strcspn(at, ":");
		size_t size = (size_t)(next - at);
		struct stat found;
		if (!size || size + name.size + 2 > sizeof path)
			continue;
		memcpy(path, at, size);
		path[size] = '/';
		memcpy(path + size + 1, name.bytes, name.size);
		path[size + 1 + name.size] = '\0';
		if (!stat(path, &found) && S_ISREG(found.st_mode))
			return path;
	}
	return NULL;
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
		close(here.socket);
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
	struct order order = {0};
	struct span name;
	if (!next_number(&fields, &order.id) || !next_field(&fields, &name) || !next_number(&fields, &order.milliseconds) ||
	    !next_field(&fields, &order.stdin_bytes))
		misled("a RUN without the fields of one");
	order.deadline = order.milliseconds ? now_ms() + order.milliseconds : 0;
	order.variables = fields;
	order.path = may_run(name, fields) ? resolve(name) : NULL;
	if (!may_run(name, fields))
		send_ran(order.id, "refused", 0);
	else if (!order.path)
		send_ran(order.id, "not-found", 0);
	else
		start_run(&order);
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
	_exit(told || status ? (int)status : 1);
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
	if (!receive())
		lost(errno ? reason(errno) : "it closed the connection");
	struct span input = filled(&here.input);
	while ((taken = frame_take(&input, &frame)) == TAKEN_FRAME)
		obey(&frame);
	if (taken == TAKEN_GARBAGE)
		misled("what came is no frame");
	memmove(here.input.bytes, input.bytes, input.size);
	here.input.size = input.size;
}

static _Noreturn void serve(void)
{
	for (;;) {
		struct pollfd watched[] = {{here.cancelled ? -1 : here.given.alive, 0, 0},
					   {here.given.signals, POLLIN, 0},
					   {here.socket, POLLIN, 0}};
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
	here.command = getenv("CNI_COMMAND");
	read_settings();
	struct buffer configuration = read_stdin();
	find_daemon();
	send_call(configuration);
	serve();
}
