/* A failure is reported only after all that was started has ended, and never as a success. */
#define _GNU_SOURCE
#include "exit.h"
#include "process_tree.h"

#include <stdlib.h>
#include <unistd.h>

static const char *held_lock; /* NULL = none */

void remove_at_exit(const char *lock_path)
{
	held_lock = lock_path;
}

_Noreturn void exit_with(int status)
{
	if (held_lock)
		unlink(held_lock);
	_exit(status);
}

_Noreturn void fail(enum cni_code code, const char *const *message, const char *const *details)
{
	kill_descendants(NULL);
	print_error(code, join_text(message), join_text(details));
	exit_with(1);
}

_Noreturn void no_memory(void)
{
	fail(CNI_TRY_AGAIN, TEXT("netattach ", getenv("CNI_COMMAND"), ": no memory is left; the runtime will try again"), TEXT(""));
}
