/* Enters the pod's namespace for what only works inside, and returns to our own: a socket belongs to the namespace in which it was
 * created, and /proc/sys/net shows that of the process which opens a file there. */
#define _GNU_SOURCE
#include "netns.h"
#include "exit.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int own = NO_DESCRIPTOR; /* namespace, once it was left */

bool netns_enter(int netns)
{
	if (own < 0)
		own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return own >= 0 && !setns(netns, CLONE_NEWNET);
}

void netns_leave(void)
{
	if (setns(own, CLONE_NEWNET) < 0)
		fail(CNI_TRY_AGAIN, TEXT("netattach cannot return to the node's network namespace"), TEXT(error_text(errno)));
}

size_t sockets_in(int netns, int domain, int *sockets, size_t count)
{
	size_t opened = 0;
	if (!netns_enter(netns))
		return 0;
	while (opened < count && (sockets[opened] = socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0)) >= 0)
		opened++;
	netns_leave();
	return opened;
}

bool interface_is_free(const char *netns, const char *ifname)
{
	struct ifreq request = {0};
	int pod = open(netns, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), inside;
	bool entered = pod >= 0 && sockets_in(pod, AF_INET, &inside, 1);
	close(pod);
	if (!entered)
		return false;
	memcpy(request.ifr_name, ifname, strlen(ifname));
	bool is_free = ioctl(inside, SIOCGIFINDEX, &request) < 0 && errno == ENODEV;
	close(inside);
	return is_free;
}
