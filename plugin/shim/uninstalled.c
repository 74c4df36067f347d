/* Uninstalled, we stand last in the primary's chain (plugin/netattach_plugin/node/uninstall_chain.py): what the others pass on passes, and DEL
 * frees what the ledger holds. Once nothing is left there the configuration goes that put us here; a copy of the primary's goes at
 * once where it has grown old. Whatever fails here but a DEL passes on: pods start without us. */
#define _GNU_SOURCE
#include "uninstalled.h"
#include "daemon_client.h"
#include "lock.h"
#include "sandbox_files.h"
#include "json_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* As core/netattach_core/cni/netattach_conf.py names them. */
#define BEHIND "netattach.conf"
#define STAND_IN "00-multus.conflist-netattach.conflist"

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

/* Where our configuration lies, by our own note. Of standard input nothing but the mark is believed: a plugin that starts us hands us
 * what a network's author wrote. A directory that is not there is NO_DESCRIPTOR. */
struct places {
	int directory, beside;
	const char *network;
	bool is_true; /* the copy, or what was noted of it */
};

static const char *text_of(struct span bytes)
{
	struct buffer text = {0};
	if (!bytes.size || memchr(bytes.bytes, 0, bytes.size))
		return "";
	buffer_add(&text, bytes.bytes, bytes.size);
	buffer_add(&text, "", 1);
	if (text.lost)
		no_memory();
	return (const char *)text.bytes;
}

static bool is_name(const char *text)
{
	return *text && !strchr(text, '/') && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

static int directory_at(int above, const char *name, int flags)
{
	return openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
}

/* Where the note is lost the compiled primary says it: that is of the same directory, and mostly of the same network. */
static struct places find_places(struct chain *room)
{
	struct places places = {NO_DESCRIPTOR, NO_DESCRIPTOR, "", false};
	bool noted = chain_read_ours(stand_in_path(), room);
	if (!noted && !chain_read_ours(primary_path(), room))
		return places;
	const char *path = text_of(room->directory);
	places.is_true = noted && chain_is_current(room);
	places.network = text_of(room->steps[0].network);
	if (*path == '/')
		places.directory = directory_at(AT_FDCWD, path, 0);
	if (places.directory >= 0 && is_name(places.network))
		places.beside = directory_at(places.directory, places.network, O_NOFOLLOW);
	return places;
}

/* The note stays as long as it is needed to find the other place. What was noted is of the copy that lies there, while this call
 * may come with an earlier one's configuration. */
static void keep_true(const struct places *places)
{
	if (places->is_true)
		return;
	unlinkat(places->directory, STAND_IN, 0);
	if (faccessat(places->beside, BEHIND, F_OK, 0) < 0)
		unlink(stand_in_path());
}

/* With the directory, so that runtimes look anew; where others' plugins are in it too, it stays. */
static void remove_configuration(const struct places *places)
{
	if (!unlinkat(places->beside, BEHIND, 0))
		unlinkat(places->directory, places->network, AT_REMOVEDIR);
	unlinkat(places->directory, STAND_IN, 0);
	unlink(stand_in_path());
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
	struct places places = find_places(room);
	keep_true(&places);
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
