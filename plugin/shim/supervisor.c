/* The keeper: between runner and plugin stands one process for each run, a subreaper, so that a run can be ended with all that
 * it started while others go on. It leaves a whole RAN frame in the result file and exits with 0, or exits with an errno. */
#define _GNU_SOURCE
#include "supervisor.h"
#include "process_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
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
	volatile int *refused; /* shared with the child: the errno of an exec that failed */
	struct stream out, err;
};

static struct plugin plugin;

uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Where vm.memfd_noexec is 2 only the sealed kind may be made; older kernels know only the other. */
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

/* An errno says that the plugin never ran. Once it does, only a death tells the truth: it may have done anything, so it has to
 * be undone. Its own death follows from ours (die_with), its descendants' from the runner. */
static _Noreturn void give_up(int error)
{
	if (plugin.pid > 0)
		kill(getpid(), SIGKILL);
	_exit(error ? error : EIO);
}

static char *copy(struct span text)
{
	char *bytes = malloc(text.size + 1);
	if (!bytes)
		give_up(ENOMEM);
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

/* The shim's own environment, in which the RUN's variables replace those of the same name, and the word by which a shim knows
 * that a plugin has started it. */
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
		give_up(ENOMEM);
	size_t count = 0;
	while (next_field(&variables, &field))
		entries[count++] = copy(field);
	for (size_t i = 0; i < own; i++)
		if (!is_set(entries, added, environ[i]))
			entries[count++] = environ[i];
	entries[count] = copy(span_of(INSIDE "=1"));
	return entries;
}

static int input_file(struct span bytes)
{
	int file = memory_file("netattach-stdin");
	if (file < 0 || !write_all(file, bytes) || lseek(file, 0, SEEK_SET) < 0)
		give_up(errno);
	return file;
}

/* Only the end that is read here must not block: the plugin's end is a plain pipe to the plugin. */
static int output_pipe(struct stream *stream)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
		give_up(errno);
	stream->descriptor = ends[0];
	return ends[1];
}

/* Also what the runtime itself was started with ignored (by nohup, by make): a plugin expects none of it. */
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

/* The signal comes only for a parent that dies from now on; one that is dead already is seen by getppid. */
static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(1);
}

static _Noreturn void become_plugin(const struct order *order, char *const *entries, const int descriptors[3], pid_t keeper)
{
	setpgid(0, 0);
	die_with(keeper);
	for (int i = 0; i < 3; i++)
		if (dup2(descriptors[i], i) < 0) {
			*plugin.refused = errno;
			_exit(1);
		}
	reset_signals();
	execute(order->path, entries);
	*plugin.refused = errno;
	_exit(1);
}

static void start(const struct order *order)
{
	char **entries = environment(order->variables);
	plugin.refused = mmap(NULL, sizeof *plugin.refused, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (plugin.refused == MAP_FAILED)
		give_up(errno);
	int input = input_file(order->stdin_bytes);
	int out = output_pipe(&plugin.out), err = output_pipe(&plugin.err);
	pid_t keeper = getpid();
	plugin.pid = fork();
	if (plugin.pid < 0)
		give_up(errno);
	if (!plugin.pid)
		become_plugin(order, entries, (const int[3]){input, out, err}, keeper);
	close(input);
	close(out);
	close(err);
}

static void note_end(pid_t child, int status)
{
	if (child != plugin.pid)
		return; /* an orphan of the plugin: nobody asks for it */
	plugin.ended = true;
	plugin.status = status;
}

static void reap(int signals)
{
	struct signalfd_siginfo ignored;
	pid_t child;
	int status;
	(void)!read(signals, &ignored, sizeof ignored);
	while ((child = waitpid(-1, &status, WNOHANG)) > 0)
		note_end(child, status);
}

/* Takes what is there; false where it is more than a stream may hold. */
static bool drain(struct stream *stream)
{
	while (stream->descriptor >= 0) {
		if (!buffer_room(&stream->content, CHUNK))
			give_up(ENOMEM);
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

static int time_left(const struct order *order)
{
	if (!order->deadline)
		return -1;
	uint64_t now = now_ms();
	if (now >= order->deadline)
		return 0;
	uint64_t left = order->deadline - now;
	return left > 1000000 ? 1000000 : (int)left; /* poll takes an int; a longer wait just goes round once more */
}

/* Ends the run, if need be, and returns how it went. The plugin's end counts, not its pipes': a background process that it left
 * behind may hold those for ever. Such a process is left alone, as every runtime would. */
static const char *watch(const struct order *order, uint64_t *number)
{
	bool fits = true;
	while (!plugin.ended && fits) {
		struct pollfd watched[] = {
			{order->signals, POLLIN, 0}, {plugin.out.descriptor, POLLIN, 0}, {plugin.err.descriptor, POLLIN, 0}};
		int ready = poll(watched, 3, time_left(order));
		if (!ready && time_left(order) == 0) {
			*number = order->milliseconds;
			return "timeout";
		}
		fits = drain(&plugin.out) && drain(&plugin.err);
		reap(order->signals);
	}
	if (fits && drain(&plugin.out) && drain(&plugin.err)) {
		*number = 0;
		return "exited";
	}
	*number = EFBIG;
	return "failed";
}

/* The group first, most of it at a stroke, but only while its number cannot have gone to somebody else. */
static void end_run(void)
{
	if (!plugin.ended)
		kill(-plugin.pid, SIGKILL);
	end_descendants(note_end);
}

/* A plugin that could not be started is told by its errno, however its process ended. */
static const char *outcome_of(const char *outcome, uint64_t *number)
{
	if (strcmp(outcome, "exited") != 0)
		return outcome;
	if (*plugin.refused) {
		*number = (uint64_t)*plugin.refused;
		return "failed";
	}
	if (WIFSIGNALED(plugin.status)) {
		*number = (uint64_t)WTERMSIG(plugin.status);
		return "killed";
	}
	*number = (uint64_t)WEXITSTATUS(plugin.status);
	return "exited";
}

_Noreturn void keep(const struct order *order)
{
	uint64_t number;
	struct buffer frame = {0};
	die_with(order->runner);
	become_subreaper();
	start(order);
	const char *outcome = watch(order, &number);
	if (strcmp(outcome, "exited") != 0 || WIFSIGNALED(plugin.status))
		end_run(); /* a plugin that was killed left its IPAM plugin running, which would act after the undo */
	outcome = outcome_of(outcome, &number);
	ran_frame(&frame, order->id, outcome, number, filled(&plugin.out.content), filled(&plugin.err.content));
	if (frame.lost)
		give_up(ENOMEM);
	if (!write_all(order->result, filled(&frame)))
		give_up(errno);
	_exit(0);
}
