/* For LD_PRELOAD: the wall clock is ahead by the number of seconds in the file CLOCK_AHEAD, which is read each time; other clocks are not. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long ahead(void)
{
	char text[32] = "";
	const char *path = getenv("CLOCK_AHEAD");
	int before = errno, file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	long seconds = file >= 0 && read(file, text, sizeof text - 1) > 0 ? strtol(text, NULL, 10) : 0;
	if (file >= 0)
		close(file);
	errno = before;
	return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	long failed = syscall(SYS_clock_gettime, clock, now);
	if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += ahead();
	return (int)failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec fine;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &fine);
	*now = (struct timeval){fine.tv_sec, fine.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *store)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (store)
		*store = now.tv_sec;
	return now.tv_sec;
}
