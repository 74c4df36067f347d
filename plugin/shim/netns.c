/* A socket belongs to the namespace in which it was created: enters it for that, and returns to our own. */
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

size_t sockets_in(int netns, int domain, int *sockets, size_t count)
{
	size_t opened = 0;
	int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own >= 0 && !setns(netns, CLONE_NEWNET)) {
		while (opened < count && (sockets[opened] = socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0)) >= 0)
			opened++;
		if (setns(own, CLONE_NEWNET) < 0)
			fail(CNI_TRY_AGAIN, TEXT("netattach cannot return to the node's network namespace"), TEXT(error_text(errno)));
	}
	close(own);
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
