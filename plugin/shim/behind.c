/* Uninstalled, we stand last in the primary's own chain (plugin/netattach_plugin/leaving.py): what the others pass on passes, and
 * DEL frees what the ledger holds. With the last entry goes the configuration that put us here. */
#define _GNU_SOURCE
#include "behind.h"
#include "daemon.h"
#include "lock.h"
#include "note.h"
#include "scan.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool has_deletions(void)
{
	struct dirent *entry;
	DIR *directory = opendir(deletion_path(""));
	while (directory && (entry = readdir(directory)))
		if (*entry->d_name != '.')
			return true;
	return false;
}

/* And its directory, so that runtimes look anew; where others' plugins are in it too, it stays. */
static void remove_configuration(struct span name)
{
	struct buffer path = {0};
	buffer_unescaped(&path, name);
	buffer_add(&path, "", 1);
	if (path.lost || *path.bytes != '/')
		return;
	unlink((char *)path.bytes);
	*strrchr((char *)path.bytes, '/') = '\0';
	rmdir((char *)path.bytes);
}

static _Noreturn void pass_on(struct span configuration)
{
	struct span previous;
	if (!scan_find(configuration, "prevResult", &previous))
		fail(CNI_UNDECODABLE, TEXT("netattach is uninstalled and attaches nothing: no plugin stands before it"), TEXT(""));
	leave(write_all(STDOUT_FILENO, previous) ? 0 : 1);
}

void stand_behind(const struct given *given, const struct call *call, struct span configuration, void (*delete)(void))
{
	struct span whole, name;
	if (!scan_value(configuration, &whole) || !scan_find(whole, "uninstalled", &name))
		return;
	if (is_command(call, "ADD"))
		pass_on(whole);
	if (!is_command(call, "DEL") || !is_sandbox(call->id))
		leave(0);
	if (!sandbox_lock(given->alive, daemon_path(), call->id))
		fail(CNI_TRY_AGAIN, TEXT("netattach cannot lock the sandbox: ", reason(errno)), TEXT(""));
	delete();
	if (!has_deletions())
		remove_configuration(name);
	leave(0);
}
