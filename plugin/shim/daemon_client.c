/* Finds the daemon, agrees with it on a version, and carries bytes. Whatever goes wrong ends the process here: with everything
 * that it started ended, an error object printed and exit status 1, never as a success. */
#define _GNU_SOURCE
#include "daemon_client.h"
#include "standalone.h"
#include "process_tree.h"
#include "lock.h"
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAGIC "netattach"
#ifndef LOWEST_VERSION /* of the protocol */
#define LOWEST_VERSION 1
#define HIGHEST_VERSION 1
#endif
#define FIRST_PAUSE_MS 10
#define LAST_PAUSE_MS 500
#define LONGEST_GREETING_MS 2000 /* for what can be done without it, too */
#define CHUNK 65536

/* One process holds one conversation. */
static struct {
	const char *path;
	uint64_t wait_ms, wait_until;
	int socket;
	struct buffer input;
} here;

static void forget(pid_t child, int status)
{
	(void)child;
	(void)status;
}

static const char *command(void)
{
	return getenv("CNI_COMMAND");
}

/* Ends the call with an error, after everything that it started. */
_Noreturn void fail(enum cni_code code, const char *const *message, const char *const *details)
{
	end_descendants(forget);
	print_error(code, joined(message), joined(details));
	leave(1);
}

_Noreturn void no_memory(void)
{
	fail(CNI_TRY_AGAIN, TEXT("netattach ", command(), ": no memory is left; the runtime will try again"), TEXT(""));
}

/* What can be done without it is done to its end, from its beginning. */
static _Noreturn void lost(const char *why)
{
	end_descendants(forget);
	if (alone_can())
		alone_instead();
	fail(CNI_TRY_AGAIN,
	     TEXT("the netattach daemon went away during ", command(), "; the runtime will try again"),
	     TEXT(here.path, ": ", why));
}

_Noreturn void misled(const char *what)
{
	fail(CNI_UNDECODABLE,
	     TEXT("what answers at ", here.path, " does not speak as a netattach daemon of this release does; the daemon's pod on this "
		  "node installs the shim that belongs to it: see whether it runs, and which release it is"),
	     TEXT(what));
}

/* Waits for the descriptor, and ends the process where the front is gone: only for the time in which nothing has begun. */
bool wait_for(int alive, int descriptor, int milliseconds)
{
	struct pollfd watched[] = {{alive, 0, 0}, {descriptor, POLLIN, 0}};
	int ready;
	do
		ready = poll(watched, 2, milliseconds);
	while (ready < 0 && errno == EINTR);
	if (watched[0].revents)
		leave(1); /* nobody reads what it would say */
	return ready > 0;
}

void daemon_settings(void)
{
	const char *path = getenv("NETATTACH_SOCKET"), *wait = getenv("NETATTACH_WAIT_MS");
	here.path = path && *path ? path : SOCKET;
	here.wait_ms = WAIT_MS;
	if (wait && !number_of(span_of(wait), &here.wait_ms))
		fail(CNI_BAD_ENVIRONMENT, TEXT("NETATTACH_WAIT_MS has to be a number of milliseconds, and is ", wait), TEXT(""));
	if (strlen(here.path) >= sizeof ((struct sockaddr_un *)0)->sun_path)
		fail(CNI_BAD_ENVIRONMENT, TEXT("NETATTACH_SOCKET is too long for a unix socket: ", here.path), TEXT(""));
}

const char *daemon_path(void)
{
	return here.path;
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
	leave(1);
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
static bool greet(int alive)
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
	if (!send_all(here.socket, filled(&hello), NO_DESCRIPTOR))
		return false; /* the few bytes are not worth losing errno for */
	free(hello.bytes);
	while (greeting(&frame) == TAKEN_NOTHING) {
		if (!wait_for(alive, here.socket, left_to_wait())) {
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
	if (!may_come(error) && error != ETIMEDOUT)
		fail(CNI_TRY_AGAIN, TEXT("the netattach daemon's socket ", here.path, " cannot be used; the runtime will try again"),
		     TEXT(reason(error)));
	struct buffer waited = {0};
	buffer_number(&waited, here.wait_ms);
	buffer_add(&waited, "", 1);
	fail(CNI_TRY_AGAIN,
	     TEXT("no netattach daemon answered at ", here.path, " within ", waited.lost ? "some" : (const char *)waited.bytes,
		  " ms: see whether the daemon's pod on this node is running; the runtime will try again"),
	     TEXT(reason(error)));
}

/* A daemon that is being started or replaced is waited for. One that does not greet is as good as none. */
bool daemon_find(int alive, bool or_not)
{
	bool shorter = or_not && here.wait_ms > LONGEST_GREETING_MS;
	here.wait_until = now_ms() + (shorter ? LONGEST_GREETING_MS : here.wait_ms);
	int pause = FIRST_PAUSE_MS;
	while (!(connect_once() && greet(alive))) {
		int error = errno, left = left_to_wait();
		close(here.socket);
		if (or_not)
			return false;
		if (!left || !may_come(error))
			no_daemon(error);
		wait_for(alive, -1, pause < left ? pause : left);
		pause = pause * 2 < LAST_PAUSE_MS ? pause * 2 : LAST_PAUSE_MS;
	}
	return true;
}

int daemon_socket(void)
{
	return here.socket;
}

void daemon_send(struct span bytes, int passed)
{
	if (!send_all(here.socket, bytes, passed))
		lost(reason(errno));
}

void daemon_send_file(int file)
{
	off_t at = 0, size = lseek(file, 0, SEEK_END);
	while (at < size) {
		ssize_t sent = sendfile(here.socket, file, &at, (size_t)(size - at));
		if (!sent || (sent < 0 && errno != EINTR))
			lost(reason(errno));
	}
}

/* What came and is not taken yet; the reader cuts off what it took. */
struct buffer *daemon_hear(void)
{
	if (!receive())
		lost(errno ? reason(errno) : "it closed the connection");
	return &here.input;
}
