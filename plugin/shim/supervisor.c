/* One process for each run, between worker and plugin. It is a subreaper, so that a run can be killed with all that it started
 * while others go on. It writes a whole RAN frame into the result file and exits with 0, or exits with an errno. */
#define _GNU_SOURCE
#include "supervisor.h"
#include "clock.h"
#include "process_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3; musl's header may be older */
#endif

#define MAX_OUTPUT (1u << 20) /* bytes of each stream */
#define CHUNK 65536
#define BUSY_TRIES 7 /* 10 ms, doubled each time: about 1.3 s */

extern char **environ;

struct stream {
	int descriptor;
	struct buffer content;
};

struct plugin {
	pid_t pid;
	bool ended;
	int status;
	volatile int *exec_errno; /* shared with the child: of an exec that failed */
	struct stream out, err;
};

static struct plugin plugin;

/* Where vm.memfd_noexec is 2 only the sealed kind is allowed; older kernels support only the other. */
int memory_file(const char *name)
{
	int file = memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	return file < 0 && errno == EINVAL ? memfd_create(name, MFD_CLOEXEC) : file;
}

void ran_frame(struct buffer *frame, uint64_t id, const char *outcome, uint64_t number, struct span out, struct span err)
{
	frame_begin(frame, 'D');
	frame_number(frame, id);
	frame_field(frame, span_of(outcome));
	frame_number(frame, number);
	frame_field(frame, out);
	frame_field(frame, err);
	frame_end(frame);
}

/* An errno reports that the plugin never ran. A plugin that runs may have done anything and has to be undone: then the supervisor
 * kills itself. The plugin dies with it (die_with), and the worker kills the plugin's descendants. */
static _Noreturn void abort_run(int error)
{
	if (plugin.pid > 0)
		kill(getpid(), SIGKILL);
	_exit(error ? error : EIO);
}

static char *copy(struct span text)
{
	char *bytes = malloc(text.size + 1);
	if (!bytes)
		abort_run(ENOMEM);
	memcpy(bytes, text.bytes, text.size);
	bytes[text.size] = '\0';
	return bytes;
}

static bool same_name(const char *entry, const char *other)
{
	size_t name = strcspn(other, "=");
	return !strncmp(entry, other, name) && entry[name] == '=';
}

static bool is_set(char *const *entries, size_t count, const char *entry)
{
	for (size_t i = 0; i < count; i++)
		if (same_name(entry, entries[i]))
			return true;
	return false;
}

/* The shim's own environment, in which the request's variables replace those of the same name, and the variable by which a shim
 * detects that a plugin has started it. */
/* The sandbox of the call, by which a shim that a plugin starts recognises that it is part of this run. */
static char *mark(char **entries)
{
	static const char name[] = "CNI_CONTAINERID=";
	struct buffer entry = {0};
	buffer_text(&entry, INSIDE "=");
	for (; *entries; entries++)
		if (!strncmp(*entries, name, sizeof name - 1))
			buffer_text(&entry, *entries + sizeof name - 1);
	return copy(content_of(&entry));
}

static char **environment(struct span variables)
{
	struct span field, rest = variables;
	size_t own = 0, added = 0;
	while (environ[own])
		own++;
	while (next_field(&rest, &field))
		added++;
	char **entries = calloc(own + added + 2, sizeof *entries);
	if (!entries)
		abort_run(ENOMEM);
	size_t count = 0;
	while (next_field(&variables, &field))
		entries[count++] = copy(field);
	for (size_t i = 0; i < own; i++)
		if (!is_set(entries, added, environ[i]))
			entries[count++] = environ[i];
	entries[count] = mark(entries);
	return entries;
}

static int input_file(struct span bytes)
{
	int file = memory_file("netattach-stdin");
	if (file < 0 || !write_all(file, bytes) || lseek(file, 0, SEEK_SET) < 0)
		abort_run(errno);
	return file;
}

/* Only the end that is read here is non-blocking: the plugin gets an ordinary pipe. */
static int output_pipe(struct stream *stream)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0 || ioctl(ends[0], FIONBIO, &(int){true}) < 0)
		abort_run(errno);
	stream->descriptor = ends[0];
	return ends[1];
}

/* Also signals that were ignored when the runtime itself was started (by nohup, by make): a plugin expects the defaults. */
static void reset_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	for (int number = 1; number <= LAST_SIGNAL; number++)
		signal(number, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A binary that is just being installed is "text busy" until its writer closes it. */
static void execute(const char *path, char *const *entries)
{
	char *const arguments[] = {(char *)(uintptr_t)path, NULL};
	struct timespec pause = {0, 10000000};
	for (int tries = 0;; tries++) {
		execve(path, arguments, entries);
		if (errno != ETXTBSY || tries == BUSY_TRIES)
			return;
		nanosleep(&pause, NULL);
		pause.tv_nsec *= 2;
	}
}

/* The signal is sent only for a parent that dies from now on; getppid detects one that is dead already. */
static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(1);
}

static _Noreturn void become_plugin(const char *path, char *const *entries, const int descriptors[3], pid_t supervisor)
{
	setpgid(0, 0);
	die_with(supervisor);
	for (int i = 0; i < 3; i++)
		if (dup2(descriptors[i], i) < 0) {
			*plugin.exec_errno = errno;
			_exit(1);
		}
	reset_signals();
	execute(path, entries);
	*plugin.exec_errno = errno;
	_exit(1);
}

static void start(const struct run_request *request)
{
	char **entries = environment(request->variables);
	plugin.exec_errno = mmap(NULL, sizeof *plugin.exec_errno, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (plugin.exec_errno == MAP_FAILED)
		abort_run(errno);
	int input = input_file(request->stdin_bytes);
	int out = output_pipe(&plugin.out), err = output_pipe(&plugin.err);
	pid_t supervisor = getpid();
	plugin.pid = fork();
	if (plugin.pid < 0)
		abort_run(errno);
	if (!plugin.pid)
		become_plugin(request->path, entries, (const int[3]){input, out, err}, supervisor);
	close(input);
	close(out);
	close(err);
}

static void set_ended(pid_t child, int status)
{
	if (child != plugin.pid)
		return; /* an orphan of the plugin */
	plugin.ended = true;
	plugin.status = status;
}

static void reap(int sigchld)
{
	struct signalfd_siginfo ignored;
	pid_t child;
	int status;
	(void)!read(sigchld, &ignored, sizeof ignored);
	while ((child = waitpid(-1, &status, WNOHANG)) > 0)
		set_ended(child, status);
}

/* Reads what is available; false where it is more than a stream may hold. */
static bool drain(struct stream *stream)
{
	while (stream->descriptor >= 0) {
		if (!buffer_reserve(&stream->content, CHUNK))
			abort_run(ENOMEM);
		ssize_t got = read(stream->descriptor, stream->content.bytes + stream->content.size, CHUNK);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return true;
		if (got <= 0) {
			close(stream->descriptor);
			stream->descriptor = -1;
			return true;
		}
		stream->content.size += (size_t)got;
		if (stream->content.size > MAX_OUTPUT) {
			stream->content.size = MAX_OUTPUT;
			return false;
		}
	}
	return true;
}

static int time_left(const struct run_request *request)
{
	return request->deadline ? ms_until(request->deadline) : -1;
}

/* Waits for the end of the plugin, its deadline or too much output, and returns the outcome. The plugin's own end counts, not that
 * of its pipes: a background process may hold those for ever. Such a process is left alone, as every runtime does. */
static const char *watch(const struct run_request *request, int sigchld, uint64_t *number)
{
	bool fits = true;
	while (!plugin.ended && fits) {
		struct pollfd watched[] = {
			{sigchld, POLLIN, 0}, {plugin.out.descriptor, POLLIN, 0}, {plugin.err.descriptor, POLLIN, 0}};
		int ready = poll(watched, 3, time_left(request));
		if (!ready && time_left(request) == 0) {
			*number = request->milliseconds;
			return "timeout";
		}
		fits = drain(&plugin.out) && drain(&plugin.err);
		reap(sigchld);
	}
	if (fits && drain(&plugin.out) && drain(&plugin.err)) {
		*number = 0;
		return "exited";
	}
	*number = EFBIG;
	return "failed";
}

/* The process group first, but only while its number cannot belong to another. */
static void kill_run(void)
{
	if (!plugin.ended)
		kill(-plugin.pid, SIGKILL);
	kill_descendants(set_ended);
}

/* A plugin that could not be started is reported by its errno, however its process ended. */
static const char *outcome_of(const char *outcome, uint64_t *number)
{
	if (strcmp(outcome, "exited") != 0)
		return outcome;
	if (*plugin.exec_errno) {
		*number = (uint64_t)*plugin.exec_errno;
		return "failed";
	}
	if (WIFSIGNALED(plugin.status)) {
		*number = (uint64_t)WTERMSIG(plugin.status);
		return "killed";
	}
	*number = (uint64_t)WEXITSTATUS(plugin.status);
	return "exited";
}

_Noreturn void supervise(const struct run_request *request, int sigchld, int result, pid_t worker)
{
	uint64_t number;
	struct buffer frame = {0};
	die_with(worker);
	become_subreaper();
	start(request);
	const char *outcome = watch(request, sigchld, &number);
	if (strcmp(outcome, "exited") != 0 || WIFSIGNALED(plugin.status))
		kill_run(); /* a plugin that was killed may have left its IPAM plugin running, which would act after the undo */
	outcome = outcome_of(outcome, &number);
	ran_frame(&frame, request->id, outcome, number, content_of(&plugin.out.content), content_of(&plugin.err.content));
	if (frame.out_of_memory)
		abort_run(ENOMEM);
	if (!write_all(result, content_of(&frame)))
		abort_run(errno);
	_exit(0);
}
