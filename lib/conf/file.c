/* Reads small regular files whole. Devices and pipes are refused, so that a wrong path cannot make the program wait. */
#include "lib/conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err expand(struct arena *arena, const char *path, const char **ret, struct why *why)
{
	const char *start = strstr(path, "${");
	const char *end = start ? strchr(start, '}') : NULL;
	if (!end) {
		*ret = path;
		return OK;
	}
	const char *name = arena_cstr(arena, bytes_from(start + 2, (size_t)(end - start - 2)));
	const char *value = getenv(name);
	if (!value)
		return fail(why, E_NOT_FOUND, "the environment variable %s is not set", name);
	const char *rest = "";
	enum err err = expand(arena, end + 1, &rest, why);
	if (err == OK)
		*ret = arena_printf(arena, "%.*s%s%s", (int)(start - path), path, value, rest);
	return err;
}

enum err file_resolve(struct arena *arena, const char *directory, const char *path,
		      const char **ret, struct why *why)
{
	const char *expanded = "";
	enum err err = expand(arena, path, &expanded, why);
	if (err != OK)
		return err;
	*ret = expanded[0] == '/' ? expanded : arena_printf(arena, "%s/%s", directory, expanded);
	return OK;
}

const char *file_directory(struct arena *arena, const char *path)
{
	char cwd[PATH_MAX] = "";
	const char *slash = strrchr(path, '/');
	const char *directory =
		arena_cstr(arena, bytes_from(path, slash ? (size_t)(slash - path) : 0));
	if (path[0] == '/')
		return directory;
	if (!getcwd(cwd, sizeof(cwd)))
		strcpy(cwd,
		       "."); /* a working directory that was removed: relative paths will not be found */
	return slash ? arena_printf(arena, "%s/%s", cwd, directory)
		     : arena_printf(arena, "%s", cwd);
}

static enum err read_all(struct arena *arena, int fd, size_t len, struct bytes *ret,
			 struct why *why)
{
	uint8_t *data = arena_alloc(arena, len + 1);
	size_t done = 0;
	while (done < len) {
		ssize_t got = read(fd, data + done, len - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(why, E_IO, "%s", strerror(errno));
		if (got == 0)
			break;
		done += (size_t)got;
	}
	*ret = bytes_from(data, done);
	return OK;
}

enum err file_read(struct arena *arena, const char *path, size_t max_bytes, struct bytes *ret,
		   struct why *why)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail(why, errno == ENOENT ? E_NOT_FOUND : E_IO, "%s", strerror(errno));
	enum err err;
	if (fstat(fd, &status) != 0)
		err = fail(why, E_IO, "%s", strerror(errno));
	else if (!S_ISREG(status.st_mode))
		err = fail(why, E_IO, "not a regular file");
	else if ((uintmax_t)status.st_size > max_bytes)
		err = fail(why, E_TOO_BIG, "larger than %zu bytes", max_bytes);
	else
		err = read_all(arena, fd, (size_t)status.st_size, ret, why);
	close(fd);
	return err;
}
