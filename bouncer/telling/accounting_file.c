/* A file is looked at again before each append: somebody else may have moved it away. */
#include "bouncer/telling/accounting_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/memory.h"

#define FILE_MODE 0640
#define SAME_MAX  10000 /* files renamed within a second */
#define NAME_ROOM 4200

struct accounting_file {
	struct accounting_file_options options;
	int fd; /* -1: none */
	off_t size;
};

static enum err io_fault(struct why *why, const char *what, const char *path)
{
	enum err err = errno == ENOSPC || errno == EDQUOT ? E_FULL : E_IO;
	return fail(why, err, "%s %s: %s", what, path, strerror(errno));
}

void accounting_file_close(struct accounting_file *file)
{
	if (file->fd >= 0)
		(void)close(file->fd);
	file->fd = -1;
}

/* ---- names ---- */

/* "acct.csv" -> "acct.20261121-092000.csv", with "-2", "-3" when there is one already */
static void rotated_name(const char *path, time_t now, unsigned number, char out[NAME_ROOM])
{
	const char *slash = strrchr(path, '/');
	const char *dot = strrchr(slash ? slash : path, '.');
	size_t stem = dot && dot > (slash ? slash + 1 : path) ? (size_t)(dot - path) : strlen(path);
	char stamp[32] = "", suffix[16] = "";
	struct tm tm;
	if (gmtime_r(&now, &tm))
		(void)strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
	if (number > 1)
		(void)snprintf(suffix, sizeof suffix, "-%u", number);
	(void)snprintf(out, NAME_ROOM, "%.*s.%s%s%s", (int)stem, path, stamp, suffix, path + stem);
}

static void split_path(const char *path, char directory[NAME_ROOM], const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	*ret_name = slash ? slash + 1 : path;
	(void)snprintf(directory, NAME_ROOM, "%.*s", slash ? (int)(slash - path + 1) : 1,
		       slash ? path : ".");
}

/* Is `name` what rotated_name() makes of `base`? */
static bool is_rotated(const char *name, const char *base)
{
	const char *dot = strrchr(base, '.');
	size_t stem = dot && dot > base ? (size_t)(dot - base) : strlen(base);
	size_t len = strlen(name), end = strlen(base + stem);
	const char *stamp = name + stem + 1;
	if (len < stem + 16 + end || strncmp(name, base, stem) != 0 || name[stem] != '.' ||
	    strcmp(name + len - end, base + stem) != 0)
		return false;
	return strspn(stamp, "0123456789") == 8 && stamp[8] == '-' &&
	       strspn(stamp + 9, "0123456789") == 6 &&
	       strspn(stamp, "0123456789-") == len - stem - 1 - end;
}

static void delete_old(const struct accounting_file *file, int64_t now_wall_ms)
{
	char directory[NAME_ROOM], path[NAME_ROOM * 2];
	const char *base;
	struct dirent *entry;
	struct stat status;
	split_path(file->options.path, directory, &base);
	DIR *dir = file->options.keep_ms > 0 ? opendir(directory) : NULL;
	while (dir && (entry = readdir(dir))) {
		(void)snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
		if (is_rotated(entry->d_name, base) && lstat(path, &status) == 0 &&
		    S_ISREG(status.st_mode) &&
		    (int64_t)status.st_mtime * 1000 < now_wall_ms - file->options.keep_ms)
			(void)unlink(path);
	}
	if (dir)
		(void)closedir(dir);
}

/* ---- opening ---- */

static enum err sync_directory(const struct accounting_file *file, struct why *why)
{
	char directory[NAME_ROOM];
	const char *base;
	split_path(file->options.path, directory, &base);
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool is_synced = fd >= 0 && fsync(fd) == 0;
	enum err err = is_synced ? OK : io_fault(why, "sync", directory);
	if (fd >= 0)
		(void)close(fd);
	return err;
}

/* What a crash left of a line goes: its event comes again. */
static enum err cut_half_line(struct accounting_file *file, struct why *why)
{
	static const char *const what = "cut back";
	char tail[4096];
	off_t end = file->size;
	while (end > 0) {
		size_t len = end > (off_t)sizeof tail ? sizeof tail : (size_t)end;
		ssize_t got = pread(file->fd, tail, len, end - (off_t)len);
		if (got != (ssize_t)len)
			return io_fault(why, "read", file->options.path);
		const char *newline = memrchr(tail, '\n', len);
		end -= (off_t)len;
		if (newline) {
			end += newline - tail + 1;
			break;
		}
	}
	if (end != file->size && ftruncate(file->fd, end) != 0)
		return io_fault(why, what, file->options.path);
	file->size = end;
	return OK;
}

static bool has_same_header(const struct accounting_file *file)
{
	struct bytes header = file->options.header;
	char *first = memory_new(header.len);
	bool is_same = pread(file->fd, first, header.len, 0) == (ssize_t)header.len &&
		       (header.len == 0 || memcmp(first, header.data, header.len) == 0);
	free(first);
	return is_same;
}

static enum err write_all(struct accounting_file *file, struct bytes text, struct why *why)
{
	size_t done = 0;
	while (done < text.len) {
		ssize_t wrote = pwrite(file->fd, text.data + done, text.len - done,
				       file->size + (off_t)done);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0) {
			enum err err = io_fault(why, "write", file->options.path);
			(void)!ftruncate(file->fd, file->size);
			return err;
		}
		done += (size_t)wrote;
	}
	file->size += (off_t)text.len;
	return OK;
}

static enum err open_file(struct accounting_file *file, struct why *why)
{
	struct stat status;
	accounting_file_close(file);
	file->fd = open(file->options.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (file->fd < 0 || fstat(file->fd, &status) != 0)
		return io_fault(why, "open", file->options.path);
	if (!S_ISREG(status.st_mode))
		return fail(why, E_IO, "%s is no file", file->options.path);
	file->size = status.st_size;
	return cut_half_line(file, why);
}

static enum err begin_file(struct accounting_file *file, struct why *why)
{
	enum err err = write_all(file, file->options.header, why);
	return err || !file->options.must_sync ? err : sync_directory(file, why);
}

static enum err rotate(struct accounting_file *file, int64_t now_wall_ms, struct why *why)
{
	char name[NAME_ROOM];
	for (unsigned number = 1; number < SAME_MAX; number++) {
		rotated_name(file->options.path, (time_t)(now_wall_ms / 1000), number, name);
		if (access(name, F_OK) != 0)
			break;
	}
	if (rename(file->options.path, name) != 0)
		return io_fault(why, "rename", file->options.path);
	delete_old(file, now_wall_ms);
	enum err err = open_file(file, why);
	return err ? err : begin_file(file, why);
}

/* ---- appending ---- */

static bool is_still_there(const struct accounting_file *file, struct stat *ret)
{
	struct stat named;
	return file->fd >= 0 && fstat(file->fd, ret) == 0 &&
	       stat(file->options.path, &named) == 0 && named.st_ino == ret->st_ino &&
	       named.st_dev == ret->st_dev && ret->st_size == file->size;
}

static bool is_over(const struct accounting_file *file, const struct stat *status, size_t more,
		    int64_t now_wall_ms)
{
	int64_t every = file->options.every_ms;
	int64_t last_ms = (int64_t)status->st_mtime * 1000;
	if (file->size <= (off_t)file->options.header.len)
		return false;
	return file->size + (off_t)more > file->options.size_max ||
	       (every > 0 && last_ms / every != now_wall_ms / every) || !has_same_header(file);
}

enum err accounting_file_append(struct accounting_file *file, struct bytes lines,
				int64_t now_wall_ms, struct why *why)
{
	struct stat status;
	enum err err = OK;
	if (!is_still_there(file, &status)) {
		err = open_file(file, why);
		if (!err && fstat(file->fd, &status) != 0)
			err = io_fault(why, "look at", file->options.path);
	}
	if (!err && file->size == 0)
		err = begin_file(file, why);
	if (!err && is_over(file, &status, lines.len, now_wall_ms))
		err = rotate(file, now_wall_ms, why);
	if (!err)
		err = write_all(file, lines, why);
	if (!err && file->options.must_sync && fdatasync(file->fd) != 0)
		err = io_fault(why, "sync", file->options.path);
	if (err)
		accounting_file_close(file);
	return err;
}

struct accounting_file *accounting_file_new(const struct accounting_file_options *options)
{
	struct accounting_file *file = memory_new(sizeof *file);
	file->options = *options;
	file->fd = -1;
	return file;
}

void accounting_file_free(struct accounting_file **file)
{
	struct accounting_file *freeing = *file;
	*file = NULL;
	if (!freeing)
		return;
	accounting_file_close(freeing);
	free(freeing);
}
