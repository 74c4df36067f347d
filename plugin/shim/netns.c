/* Enters the namespace for one socket, and returns to our own. */
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

bool interface_is_free(const char *netns, const char *ifname)
{
	struct ifreq request = {0};
	int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int pod = open(netns, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), inside = -1;
	if (own >= 0 && pod >= 0 && !setns(pod, CLONE_NEWNET)) {
		inside = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (setns(own, CLONE_NEWNET) < 0)
			fail(CNI_TRY_AGAIN, TEXT("netattach cannot return to the node's network namespace"), TEXT(error_text(errno)));
	}
	memcpy(request.ifr_name, ifname, strlen(ifname));
	bool is_free = inside >= 0 && ioctl(inside, SIOCGIFINDEX, &request) < 0 && errno == ENODEV;
	close(own);
	close(pod);
	close(inside);
	return is_free;
}
