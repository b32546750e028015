/* From root to a user of our own. Capabilities are set by the system call itself, which is all that libcap would do here. */
#include "leveret/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static enum err keep_only_port_binding(struct why *why)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}, {0}};
	data[0].effective = data[0].permitted = 1U << CAP_NET_BIND_SERVICE;
	if (syscall(SYS_capset, &header, data) != 0)
		return fail(why, E_REFUSED, "keep the right to open ports below 1024: %s",
			    strerror(errno));
	return OK;
}

static enum err become(const struct passwd *entry, struct why *why)
{
	if (prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) != 0 ||
	    initgroups(entry->pw_name, entry->pw_gid) != 0 || setgid(entry->pw_gid) != 0 ||
	    setuid(entry->pw_uid) != 0)
		return fail(why, E_REFUSED, "become user %s: %s", entry->pw_name, strerror(errno));
	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L); /* no core dumps with mail in them */
	return keep_only_port_binding(why);
}

enum err privileges_drop(const char *user, const char *const *directories, struct why *why)
{
	if (!user[0] || geteuid() != 0)
		return OK;
	errno = 0;
	const struct passwd *entry = getpwnam(user);
	if (!entry)
		return fail(why, E_NOT_FOUND, "node.user: there is no user \"%s\"", user);
	for (; *directories; directories++) {
		(void)mkdir(*directories, 0700);
		if (chown(*directories, entry->pw_uid, entry->pw_gid) != 0)
			return fail(why, E_REFUSED, "give %s to %s: %s", *directories, user,
				    strerror(errno));
	}
	return become(entry, why);
}

enum err privileges_drop_to_owner(const char *directory, struct why *why)
{
	struct stat status;
	if (geteuid() != 0 || stat(directory, &status) != 0 || status.st_uid == 0)
		return OK;
	const struct passwd *entry = getpwuid(status.st_uid);
	if (!entry)
		return fail(why, E_NOT_FOUND, "%s belongs to user %u, who does not exist",
			    directory, (unsigned)status.st_uid);
	return become(entry, why);
}
