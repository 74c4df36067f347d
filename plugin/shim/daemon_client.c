/* Connects to the daemon, agrees with it on a version of the protocol, sends and receives bytes. */
#define _GNU_SOURCE
#include "daemon_client.h"
#include "clock.h"
#include "exit.h"
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAGIC "netattach"
#ifndef LOWEST_VERSION /* of the protocol */
#define LOWEST_VERSION 1
#endif
#ifndef HIGHEST_VERSION
#define HIGHEST_VERSION 3
#endif
#define FIRST_PAUSE_MS 10
#define LAST_PAUSE_MS 500
#define OPTIONAL_WAIT_MS 2000 /* for the greeting of a daemon that the call can do without */
#define CHUNK 65536

/* A process has one connection. */
static struct {
	const char *path;
	void (*fallback)(void);
	uint64_t wait_ms, wait_until;
	int socket;
	uint64_t version;
	struct buffer input;
} state;

static _Noreturn void connection_lost(const char *why)
{
	state.fallback();
	fail(CNI_TRY_AGAIN,
	     TEXT("the netattach daemon went away during ", getenv("CNI_COMMAND"), "; the runtime will try again"),
	     TEXT(state.path, ": ", why));
}

_Noreturn void protocol_error(const char *what)
{
	fail(CNI_UNDECODABLE,
	     TEXT("the program that listens at ", state.path, " is no netattach daemon of the shim's release; the daemon's pod on this "
		  "node installs the right shim: see whether it is running, and of which release it is"),
	     TEXT(what));
}

void daemon_configure(void (*fallback)(void))
{
	const char *path = getenv("NETATTACH_SOCKET"), *wait = getenv("NETATTACH_WAIT_MS");
	state.fallback = fallback;
	state.path = path && *path ? path : SOCKET;
	state.wait_ms = WAIT_MS;
	if (wait && !parse_number(span_of(wait), &state.wait_ms))
		fail(CNI_BAD_ENVIRONMENT, TEXT("NETATTACH_WAIT_MS has to be a number of milliseconds, and is ", wait), TEXT(""));
	if (strlen(state.path) >= sizeof ((struct sockaddr_un *)0)->sun_path)
		fail(CNI_BAD_ENVIRONMENT, TEXT("NETATTACH_SOCKET is too long for a unix socket: ", state.path), TEXT(""));
}

const char *daemon_path(void)
{
	return state.path;
}

/* Non-blocking while it connects: the queue of a daemon that hangs may be full. */
static bool connect_once(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, state.path, strlen(state.path));
	state.socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (state.socket < 0)
		fail(CNI_TRY_AGAIN, TEXT("no socket could be created"), TEXT(error_text(errno)));
	if (connect(state.socket, (struct sockaddr *)&address, sizeof address) < 0)
		return false;
	ioctl(state.socket, FIONBIO, &(int){false});
	return true;
}

static bool is_transient(int error)
{
	return error == ENOENT || error == ECONNREFUSED || error == EAGAIN || error == EINTR || error == ECONNRESET || error == EPIPE;
}

/* Receives once more; false at the end (errno = 0) or on an error (errno). */
static bool receive(void)
{
	if (!buffer_reserve(&state.input, CHUNK))
		no_memory();
	ssize_t got = recv(state.socket, state.input.bytes + state.input.size, CHUNK, MSG_DONTWAIT);
	if (got > 0) {
		state.input.size += (size_t)got;
		return true;
	}
	if (!got)
		errno = 0;
	return got < 0 && (errno == EINTR || errno == EAGAIN);
}

static enum frame_status read_greeting(struct frame *frame)
{
	struct span input = content_of(&state.input);
	enum frame_status status = next_frame(&input, frame);
	if (status == FRAME_MALFORMED)
		protocol_error("the greeting is no frame");
	if (status == FRAME_COMPLETE && input.size)
		protocol_error("the greeting is more than one frame");
	return status;
}

static _Noreturn void fail_refused(struct span fields)
{
	struct span text = span_of("the netattach daemon refused the call without a reason");
	next_field(&fields, &text);
	print_error(CNI_TRY_AGAIN, text, span_of(state.path));
	exit_with(1);
}

static void check_welcome(const struct frame *frame)
{
	struct span fields = frame->fields;
	if (frame->kind == 'X')
		fail_refused(fields);
	if (frame->kind != 'W' || !next_number(&fields, &state.version))
		protocol_error("the greeting is neither a welcome nor a refusal");
	if (state.version < LOWEST_VERSION || state.version > HIGHEST_VERSION)
		protocol_error("the daemon chose a version of the protocol that was not offered");
	state.input.size = 0;
}

/* Offers our versions and reads the daemon's choice; false, and errno, where the daemon went away before. */
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
	if (hello.out_of_memory)
		no_memory();
	state.input.size = 0;
	if (!send_all(state.socket, content_of(&hello), NULL, 0))
		return false; /* without free, which could change errno */
	free(hello.bytes);
	while (read_greeting(&frame) == FRAME_INCOMPLETE) {
		if (!wait_for(state.socket, ms_until(state.wait_until))) {
			errno = ETIMEDOUT;
			return false;
		}
		if (!receive()) {
			errno = errno ? errno : ECONNRESET;
			return false;
		}
	}
	check_welcome(&frame);
	return true;
}

static _Noreturn void no_daemon(int error)
{
	if (!is_transient(error) && error != ETIMEDOUT)
		fail(CNI_TRY_AGAIN, TEXT("the netattach daemon's socket ", state.path, " cannot be used; the runtime will try again"),
		     TEXT(error_text(error)));
	struct buffer waited = {0};
	buffer_number(&waited, state.wait_ms);
	buffer_add(&waited, "", 1);
	fail(CNI_TRY_AGAIN,
	     TEXT("no netattach daemon answered at ", state.path, " within ", waited.out_of_memory ? "some" : (const char *)waited.bytes,
		  " ms: see whether the daemon's pod on this node is running; the runtime will try again"),
	     TEXT(error_text(error)));
}

/* Waits for a daemon that is being started or replaced. One that does not greet counts as absent. */
bool daemon_connect(bool optional)
{
	bool shorter = optional && state.wait_ms > OPTIONAL_WAIT_MS;
	state.wait_until = now_ms() + (shorter ? OPTIONAL_WAIT_MS : state.wait_ms);
	int pause = FIRST_PAUSE_MS;
	while (!(connect_once() && greet())) {
		int error = errno, left = ms_until(state.wait_until);
		close(state.socket);
		if (optional)
			return false;
		if (!left || !is_transient(error))
			no_daemon(error);
		wait_for(NO_DESCRIPTOR, pause < left ? pause : left);
		pause = pause * 2 < LAST_PAUSE_MS ? pause * 2 : LAST_PAUSE_MS;
	}
	return true;
}

int daemon_socket(void)
{
	return state.socket;
}

uint64_t daemon_version(void)
{
	return state.version;
}

void daemon_send(struct span bytes)
{
	daemon_send_with(bytes, NULL, 0);
}

void daemon_send_with(struct span bytes, const int *passed, size_t count)
{
	if (!send_all(state.socket, bytes, passed, count))
		connection_lost(error_text(errno));
}

void daemon_send_file(int file)
{
	off_t at = 0, size = lseek(file, 0, SEEK_END);
	while (at < size) {
		ssize_t sent = sendfile(state.socket, file, &at, (size_t)(size - at));
		if (!sent || (sent < 0 && errno != EINTR))
			connection_lost(error_text(errno));
	}
}

struct buffer *daemon_receive(void)
{
	if (!receive())
		connection_lost(errno ? error_text(errno) : "it closed the connection");
	return &state.input;
}
