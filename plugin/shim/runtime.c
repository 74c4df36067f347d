/* The launcher is the process that the runtime started and may kill. Its end means that the runtime has cancelled the call. */
#define _GNU_SOURCE
#include "runtime.h"
#include "exit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

static int hangup_pipe;

void runtime_watch(int hangup)
{
	hangup_pipe = hangup;
}

int runtime_hangup(void)
{
	return hangup_pipe;
}

bool wait_for(int descriptor, int milliseconds)
{
	struct pollfd watched[] = {{hangup_pipe, 0, 0}, {descriptor, POLLIN, 0}};
	int ready;
	do
		ready = poll(watched, 2, milliseconds);
	while (ready < 0 && errno == EINTR);
	if (watched[0].revents)
		exit_with(1); /* nobody reads an error any more */
	return ready > 0;
}

void release_runtime(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		if (null < 0 || dup2(null, i) < 0)
			close(i);
	if (null > 2)
		close(null);
}
