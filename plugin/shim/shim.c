/* netattach's shim: the CNI plugin that the container runtime starts. It decides nothing; the daemon does.
 *
 * Two processes: the runtime starts the launcher, and may kill it at any time. The launcher forks the worker, which executes the
 * call in a session of its own. Only the launcher holds the writing end of a pipe, so the worker sees its end, for whatever
 * reason, as a hangup; then it kills every plugin and lets the daemon undo what was done. The death of the runtime also cancels
 * the call. */
#define _GNU_SOURCE
#include "cni_error.h"
#include "process_tree.h"
#include "session.h"
#include "supervisor.h"

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
	"netattach " BUILD ": attaches the networks that a pod's annotations select\n"
	"A container runtime starts this program as a CNI plugin (CNI_COMMAND is not set). It passes the call to the netattach\n"
	"daemon at " SOCKET " and runs the plugins that the daemon names.\n"
	"CNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n";

static const char versions[] =
	"{\"cniVersion\":\"1.1.0\",\"supportedVersions\":"
	"[\"0.1.0\",\"0.2.0\",\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n";

static _Noreturn void fail_start(const char *what)
{
	print_error(CNI_TRY_AGAIN, join_text(TEXT("netattach could not start: ", what, "; the runtime will try again")),
		    span_of(error_text(errno)));
	_exit(1);
}

/* A descriptor of ours with the number 0, 1 or 2 would be taken for the runtime's. */
static void fill_standard_descriptors(void)
{
	int descriptor;
	do
		descriptor = open("/dev/null", O_RDWR);
	while (descriptor >= 0 && descriptor <= 2);
	if (descriptor > 2)
		close(descriptor);
}

/* A runtime may have started us with SIGCHLD ignored: then waitpid would not work. */
static int watch_children(void)
{
	sigset_t child_ended;
	sigemptyset(&child_ended);
	sigaddset(&child_ended, SIGCHLD);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &child_ended, NULL);
	return signalfd(-1, &child_ended, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void set_signals(void (*disposition)(int))
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		signal(numbers[i], disposition);
}

/* A stop of the whole control group ends the launcher, too; the worker still has to kill the plugins and to serve the daemon. */
static void ignore_signals(void)
{
	set_signals(SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static _Noreturn void run_worker(const int hangup[2], int sigchld)
{
	close(hangup[1]);
	setsid();
	become_subreaper();
	ignore_signals();
	serve_call(hangup[0], sigchld);
}

/* A runtime that dies kills nobody. When nobody can read our output any more the launcher exits, as if it had been killed. */
static void wait_for_worker_or_hangup(int sigchld)
{
	struct pollfd watched[] = {{STDOUT_FILENO, 0, 0}, {sigchld, POLLIN, 0}};
	while (poll(watched, 2, -1) < 0)
		; /* EINTR, or a shortage that passes */
	if (!watched[1].revents)
		_exit(1);
}

/* Exits as the worker did. The descendants of a worker that was killed come to the launcher, which kills them. */
static _Noreturn void wait_for_worker(pid_t worker, int sigchld)
{
	int status;
	wait_for_worker_or_hangup(sigchld);
	while (waitpid(worker, &status, 0) < 0)
		if (errno != EINTR)
			fail_start("its worker process cannot be waited for");
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	kill_descendants(NULL);
	struct buffer signal_number = {0};
	buffer_number(&signal_number, (uint64_t)WTERMSIG(status));
	print_error(CNI_TRY_AGAIN,
		    span_of("netattach's worker process was killed, perhaps by the kernel for lack of memory; the runtime will try "
			    "again; details have the signal's number"),
		    content_of(&signal_number));
	_exit(1);
}

static _Noreturn void launch_worker(void)
{
	int hangup[2];
	int sigchld = watch_children();
	set_signals(SIG_DFL); /* a runtime that ignores them could not stop us otherwise */
	if (sigchld < 0 || pipe2(hangup, O_CLOEXEC) < 0)
		fail_start("no descriptors are left");
	become_subreaper();
	pid_t worker = fork();
	if (worker < 0)
		fail_start("no process could be started");
	if (!worker)
		run_worker(hangup, sigchld);
	close(hangup[0]);
	wait_for_worker(worker, sigchld);
}

/* A plugin started us, for instance as its IPAM plugin, with a configuration by a network's author. The shim that runs the plugin
 * holds the sandbox's lock, so we would wait for ever. DEL and GC succeed, since nothing is attached here: the plugin can be
 * deleted. Not where the mark is of another sandbox: then a runtime has inherited it, and the call is its own. */
static int answer_plugin(const char *command, const char *sandbox)
{
	const char *id = getenv("CNI_CONTAINERID");
	bool is_own = !strcmp(sandbox, id ? id : "");
	if (is_own && (!strcmp(command, "DEL") || !strcmp(command, "GC")))
		return 0;
	print_error(CNI_BAD_CONFIGURATION,
		    span_of("netattach was started by a plugin that it runs itself, and cannot be part of a network; "
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
	const char *inside = getenv(INSIDE);
	if (inside)
		return answer_plugin(command, inside);
	launch_worker();
}
