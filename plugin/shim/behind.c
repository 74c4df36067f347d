/* Uninstalled, we stand last in the primary's chain (plugin/netattach_plugin/behind.py): what the others pass on passes, and DEL
 * frees what the ledger holds. Once nothing is left there the configuration goes that put us here; a copy of the primary's goes at
 * once where it has grown old. Whatever fails here but a DEL passes on: pods start without us. */
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

/* Networks beside the default one, which has one interface, and which runtimes free by themselves. What cannot be read may. */
static bool holds_more(const char *id, struct chain *room)
{
	if (chain_read(deletion_path(id), room) != CHAIN_WHOLE)
		return true;
	for (size_t i = 1; i < room->step_count; i++)
		if (!span_equals(room->steps[i].ifname, room->steps[0].ifname))
			return true;
	return false;
}

static bool is_needed(struct chain *room)
{
	struct dirent *entry;
	DIR *directory = opendir(deletion_path(""));
	bool needed = !directory && errno != ENOENT;
	while (directory && !needed && (entry = readdir(directory)))
		needed = *entry->d_name != '.' && holds_more(entry->d_name, room);
	return needed;
}

/* Where our configuration lies; the second is a copy of the primary's. Empty where there is none. */
struct places {
	char *beside, *stand_in;
};

static char *path_in(struct span configuration, const char *key)
{
	struct buffer path = {0};
	struct span value;
	if (scan_find(configuration, key, &value))
		buffer_unescaped(&path, value);
	buffer_add(&path, "", 1);
	return path.lost || *path.bytes != '/' ? "" : (char *)path.bytes;
}

static void remove_stand_in(const struct places *places)
{
	unlink(places->stand_in);
	unlink(stand_in_path());
}

/* What was noted of its making is of the one that lies there, while this call may come with an earlier one's configuration. */
static void keep_true(const struct places *places, struct chain *made)
{
	if (!access(places->stand_in, F_OK) && (chain_read(stand_in_path(), made) != CHAIN_WHOLE || !chain_is_current(made)))
		remove_stand_in(places);
}

/* With the directory, so that runtimes look anew; where others' plugins are in it too, it stays. */
static void remove_configuration(const struct places *places)
{
	unlink(places->beside);
	if (*places->beside) {
		*strrchr(places->beside, '/') = '\0';
		rmdir(places->beside);
	}
	remove_stand_in(places);
}

static _Noreturn void pass_on(struct span configuration)
{
	struct span previous;
	if (!scan_find(configuration, "prevResult", &previous))
		fail(CNI_UNDECODABLE, TEXT("netattach is uninstalled and attaches nothing: no plugin stands before it"), TEXT(""));
	leave(write_all(STDOUT_FILENO, previous) ? 0 : 1);
}

void stand_behind(const struct given *given, const struct call *call, struct span configuration, struct chain *room,
		  void (*delete)(void))
{
	struct span whole, mark;
	if (!scan_value(configuration, &whole) || !scan_find(whole, "uninstalled", &mark))
		return;
	struct places places = {path_in(whole, "uninstalled"), path_in(whole, "standIn")};
	keep_true(&places, room);
	if (is_command(call, "DEL") && is_sandbox(call->id)) {
		if (!sandbox_lock(given->alive, daemon_path(), call->id))
			fail(CNI_TRY_AGAIN, TEXT("netattach cannot lock the sandbox: ", reason(errno)), TEXT(""));
		delete();
	}
	if (!is_needed(room)) /* after another's DEL too: CRI-O's comes with our own configuration */
		remove_configuration(&places);
	if (is_command(call, "ADD"))
		pass_on(whole);
	leave(0);
}
