/* After an uninstallation the shim is the last plugin of the default network (netattach_plugin/node/uninstall_chain.py). ADD
 * passes prevResult on, and DEL deletes what the ledger holds. When nothing is left there the shim removes its configuration; it
 * removes an outdated copy of the default network at once. Except for DEL, failures are ignored: pods start without netattach. */
#define _GNU_SOURCE
#include "uninstalled.h"
#include "daemon_client.h"
#include "exit.h"
#include "json_scan.h"
#include "lock.h"
#include "sandbox_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As core/netattach_core/cni/netattach_conf.py names them. */
#define CHAINED_CONF "netattach.conf" /* in the directory of the default network's name */
#define UNINSTALL_CONFLIST "00-multus.conflist-netattach.conflist"

/* The default network has one interface, and runtimes delete it themselves. An unreadable file may have more. */
static bool has_secondary_networks(const char *id, struct chain *chain)
{
	if (chain_read(deletion_path(id), chain) != CHAIN_VALID)
		return true;
	for (size_t i = 1; i < chain->step_count; i++)
		if (!span_equals(chain->steps[i].ifname, chain->steps[0].ifname))
			return true;
	return false;
}

static bool is_needed(struct chain *scratch)
{
	struct dirent *entry;
	DIR *directory = opendir(deletion_path(""));
	bool needed = !directory && errno != ENOENT;
	while (directory && !needed && (errno = 0, entry = readdir(directory)))
		needed = *entry->d_name != '.' && has_secondary_networks(entry->d_name, scratch);
	return needed || (directory && errno);
}

/* The two CNI configs that start us: the copy, and the one that is chained to the default network. Their paths come from our own
 * file, never from standard input: a plugin that starts the shim passes on what a network's author wrote. NO_DESCRIPTOR: no such
 * directory. */
struct configs {
	int directory, chained;
	const char *network;
	bool copy_is_current, no_chained_directory;
};

static const char *text_of(struct span bytes)
{
	struct buffer text = {0};
	if (!bytes.size || memchr(bytes.bytes, 0, bytes.size))
		return "";
	buffer_add(&text, bytes.bytes, bytes.size);
	buffer_add(&text, "", 1);
	if (text.out_of_memory)
		no_memory();
	return (const char *)text.bytes;
}

static bool is_name(const char *text)
{
	return *text && !strchr(text, '/') && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

static int open_directory(int parent, const char *name, int flags)
{
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
}

/* Where our file is lost, the compiled primary has the same directory, and mostly the same network. */
static struct configs find_configs(struct chain *chain)
{
	struct configs configs = {NO_DESCRIPTOR, NO_DESCRIPTOR, "", false, false};
	bool found = chain_read_trusted(uninstall_path(), chain);
	if (!found && !chain_read_trusted(primary_path(), chain))
		return configs;
	const char *path = text_of(chain->directory);
	configs.copy_is_current = found && chain_is_current(chain);
	configs.network = text_of(chain->steps[0].network);
	if (*path == '/')
		configs.directory = open_directory(AT_FDCWD, path, 0);
	if (configs.directory >= 0 && is_name(configs.network))
		configs.chained = open_directory(configs.directory, configs.network, O_NOFOLLOW);
	configs.no_chained_directory = configs.directory >= 0 && configs.chained < 0 && errno == ENOENT;
	return configs;
}

static bool chained_is_absent(const struct configs *configs)
{
	struct stat found;
	return configs->no_chained_directory || (fstatat(configs->chained, CHAINED_CONF, &found, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT);
}

/* Our file describes the copy on the disk, while the runtime may make this call with an earlier copy. It stays as long as it is
 * needed to find the chained config, and where there is no copy yet: the daemon writes it before the copy. */
static void remove_outdated_copy(const struct configs *configs)
{
	if (configs->copy_is_current || unlinkat(configs->directory, UNINSTALL_CONFLIST, 0) < 0)
		return;
	if (chained_is_absent(configs))
		unlink(uninstall_path());
}

/* With the directory, so that runtimes read it again; a directory with other plugins stays. A call that was killed may have left
 * an empty one. */
static void remove_configs(const struct configs *configs)
{
	if (!unlinkat(configs->chained, CHAINED_CONF, 0) || errno == ENOENT)
		unlinkat(configs->directory, configs->network, AT_REMOVEDIR);
	unlinkat(configs->directory, UNINSTALL_CONFLIST, 0);
	unlink(uninstall_path());
}

static _Noreturn void pass_on(struct span configuration)
{
	struct span previous;
	if (!scan_find(configuration, "prevResult", &previous))
		fail(CNI_UNDECODABLE,
		     TEXT("netattach is uninstalled and attaches nothing, and no plugin before it returned a result"), TEXT(""));
	exit_with(write_all(STDOUT_FILENO, previous) ? 0 : 1);
}

void uninstalled_call(const struct call *call, struct span configuration, struct chain *scratch, void (*delete_sandbox)(void))
{
	struct span whole, mark;
	if (!scan_value(configuration, &whole) || !scan_find(whole, "uninstalled", &mark))
		return;
	struct configs configs = find_configs(scratch);
	remove_outdated_copy(&configs);
	if (is_command(call, "DEL") && is_container_id(call->id)) {
		if (!sandbox_lock(daemon_path(), call->id))
			fail(CNI_TRY_AGAIN, TEXT("netattach cannot lock the sandbox: ", error_text(errno)), TEXT(""));
		delete_sandbox();
	}
	if (!is_needed(scratch)) /* in every call: CRI-O makes its DELs with netattach's own configuration */
		remove_configs(&configs);
	if (is_command(call, "ADD"))
		pass_on(whole);
	exit_with(0);
}
