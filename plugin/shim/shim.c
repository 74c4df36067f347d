/* netattach's shim: what the container runtime starts. It decides nothing; the daemon does.
 *
 * Two processes: the front is the one that the runtime knows, and may kill at any time. The runner does the work in a session
 * of its own. Only the front holds the writing end of a pipe, so the runner sees the front's end as a hangup, however it
 * came, and then ends every plugin and lets the daemon undo what was done. A runtime that dies itself is one that gives up. */
#define _GNU_SOURCE
#include "process_tree.h"
#include "cni_error.h"
#include "supervisor.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static const char about[] =
	"netattach " BUILD ": attaches the networks that a pod's annotations ask for\n"
	"A container runtime starts this program as a CNI plugin (CNI_COMMAND is not set). It passes the call to the netattach\n"
	"daemon at " SOCKET " and runs the plugins that the daemon names.\n"
	"CNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n";

static const char versions[] =
	"{\"cniVersion\":\"1.1.0\",\"supportedVersions\":"
	"[\"0.1.0\",\"0.2.0\",\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n";

static _Noreturn void cannot_begin(const char *what)
{
	print_error(CNI_TRY_AGAIN, joined(TEXT("netattach could not begin: ", what, "; the runtime will try again")),
		    span_of(reason(errno)));
	_exit(1);
}

/* A descriptor of ours that landed on 0, 1 or 2 would be taken for the runtime's. */
static void fill_standard_descriptors(void)
{
	int descriptor;
	do
		descriptor = open("/dev/null", O_RDWR);
	while (descriptor >= 0 && descriptor <= 2);
	if (descriptor > 2)
		close(descriptor);
}

/* A runtime may have started us with SIGCHLD ignored: then nobody could be waited for. */
static int watch_children(void)
{
	sigset_t child_ended;
	sigemptyset(&child_ended);
	sigaddset(&child_ended, SIGCHLD);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &child_ended, NULL);
	return signalfd(-1, &child_ended, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void dispose_of_signals(void (*disposition)(int))
{
	static const int ends[] = {SIGTERM, SIGINT, SIGHUP};
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		signal(ends[i], disposition);
}

/* Who stops the whole control group ends the front, too; the runner still has to end the plugins and hear the daemon out. */
static void ignore_signals(void)
{
	dispose_of_signals(SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static _Noreturn void be_runner(const int alive[2], int signals)
{
	close(alive[1]);
	setsid();
	become_subreaper();
	ignore_signals();
	converse(&(struct given){alive[0], signals});
}

static void forget(pid_t child, int status)
{
	(void)child;
	(void)status;
}

/* A runtime that is killed ends nobody. When nobody can read our output any more the front goes, as if it had been killed. */
static void wait_for_runner_or_reader(int signals)
{
	struct pollfd watched[] = {{STDOUT_FILENO, 0, 0}, {signals, POLLIN, 0}};
	while (poll(watched, 2, -1) < 0)
		; /* EINTR, or a shortage that passes */
	if (!watched[1].revents)
		_exit(1);
}

/* Exits as the runner did. A runner that was killed left its plugins' descendants behind, which come to us. */
static _Noreturn void be_front(pid_t runner, int signals)
{
	int status;
	wait_for_runner_or_reader(signals);
	while (waitpid(runner, &status, 0) < 0)
		if (errno != EINTR)
			cannot_begin("its working process cannot be waited for");
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	end_descendants(forget);
	struct buffer signal_number = {0};
	buffer_number(&signal_number, (uint64_t)WTERMSIG(status));
	print_error(CNI_TRY_AGAIN,
		    span_of("netattach's working process was killed, perhaps for want of memory; the runtime will try again; "
			    "details have the signal's number"),
		    filled(&signal_number));
	_exit(1);
}

static _Noreturn void call_daemon(void)
{
	int alive[2];
	int signals = watch_children();
	dispose_of_signals(SIG_DFL); /* a runtime that ignores them could not end us otherwise */
	if (signals < 0 || pipe2(alive, O_CLOEXEC) < 0)
		cannot_begin("no descriptors are left");
	become_subreaper();
	pid_t runner = fork();
	if (runner < 0)
		cannot_begin("no process could be started");
	if (!runner)
		be_runner(alive, signals);
	close(alive[0]);
	be_front(runner, signals);
}

/* A plugin runs us, as its IPAM plugin for instance, with what a network's author wrote. The sandbox's lock is held above us, so to
 * wait for it would be for ever. Nothing is attached here, so there is nothing to delete: what is undone comes to its end. */
static int answer_plugin(const char *command)
{
	if (!strcmp(command, "DEL"))
		return 0;
	print_error(CNI_BAD_CONFIGURATION,
		    span_of("netattach was started by a plugin that it runs itself, and no network leads back to it; "
			    "name another plugin in the network's configuration, in ipam.type for instance"),
		    span_of(""));
	return 1;
}

int main(void)
{
	const char *command = getenv("CNI_COMMAND");
	fill_standard_descriptors();
	if (!command || !*command)
		return write_all(STDERR_FILENO, span_of(about)) ? 0 : 1;
	if (!strcmp(command, "VERSION"))
		return write_all(STDOUT_FILENO, span_of(versions)) ? 0 : 1;
	if (getenv(INSIDE))
		return answer_plugin(command);
	call_daemon();
}
