/* netattach-probe: after each start of the daemon, has the shim attach and detach a network namespace of its own, as a container
 * runtime has it do with a pod. The daemon keeps what came out. It ends with its container.
 *
 * The namespace has no name: it ends, with all that is in it, with the last process in it, so nothing remains wherever this
 * program is stopped. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SOCKET
#define SOCKET "/run/netattach/cni.sock"
#endif
#ifndef SHIM
#define SHIM "/opt/netattach/shim/netattach"
#endif
#define LOOK_MS 500
#define FIRST_PAUSE_MS 1000
#define LAST_PAUSE_MS 60000

static const char configuration[] = "{\"cniVersion\":\"1.0.0\",\"name\":\"netattach\",\"type\":\"netattach\"}";

static void wait_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void end(int number)
{
	(void)number;
	_exit(0);
}

/* The first process of a container gets only signals that it handles. */
static void handle_signals(void)
{
	struct sigaction action = {.sa_handler = end};
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static const char *setting(const char *name, const char *otherwise)
{
	const char *value = getenv(name);
	return value && *value ? value : otherwise;
}

/* The shim, with its input in a pipe that has room for all of it, and its output nowhere. */
static _Noreturn void execute(const char *shim, const char *command)
{
	int input[2], nowhere = open("/dev/null", O_WRONLY);
	bool written = nowhere >= 0 && !pipe(input) && write(input[1], configuration, sizeof configuration - 1) > 0;
	if (!written || setenv("CNI_COMMAND", command, 1) || dup2(input[0], STDIN_FILENO) < 0 || dup2(nowhere, STDOUT_FILENO) < 0)
		_exit(1);
	close(input[0]);
	close(input[1]);
	close(nowhere);
	execl(shim, shim, (char *)NULL);
	_exit(1);
}

static bool wait_for(pid_t child)
{
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool call(const char *shim, const char *command)
{
	pid_t child = fork();
	if (!child)
		execute(shim, command);
	return child > 0 && wait_for(child);
}

/* In the namespace, which its processes share: /proc/self/ns/net is the same one for all of them. DEL follows a failed ADD too. */
static _Noreturn void attach_and_detach(const char *shim, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || unshare(CLONE_NEWNET))
		_exit(1);
	bool added = call(shim, "ADD");
	bool deleted = call(shim, "DEL");
	_exit(added && deleted ? 0 : 1);
}

static bool probe(const char *shim)
{
	pid_t parent = getpid(), child = fork();
	if (!child)
		attach_and_detach(shim, parent);
	return child > 0 && wait_for(child);
}

static bool is_same(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino && one->st_ctim.tv_sec == other->st_ctim.tv_sec &&
	       one->st_ctim.tv_nsec == other->st_ctim.tv_nsec;
}

/* Each daemon makes a socket of its own. */
int main(void)
{
	const char *socket = setting("NETATTACH_SOCKET", SOCKET), *shim = setting("NETATTACH_SHIM", SHIM);
	struct stat probed = {0}, found;
	long pause = FIRST_PAUSE_MS;
	handle_signals();
	if (setenv("CNI_CONTAINERID", "netattach-probe", 1) || setenv("CNI_NETNS", "/proc/self/ns/net", 1) ||
	    setenv("CNI_IFNAME", "probe0", 1) || setenv("CNI_PATH", "/nonexistent", 1) || setenv("NETATTACH_WAIT_MS", "10000", 1))
		return 1;
	for (;;) {
		if (stat(socket, &found) || is_same(&found, &probed)) {
			wait_ms(LOOK_MS);
			continue;
		}
		if (probe(shim)) {
			probed = found;
			pause = FIRST_PAUSE_MS;
			continue;
		}
		wait_ms(pause);
		pause = pause * 2 < LAST_PAUSE_MS ? pause * 2 : LAST_PAUSE_MS;
	}
}
