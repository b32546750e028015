/* events/<wall time of its first batch, ms>.events: frames of length, the first bytes of the digest, body. A frame that is not whole, or not
 * what its digest says, ends its file: that is what a crash leaves. */
#include "bouncer/telling/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/little.h"
#include "lib/base/memory.h"
#include "lib/crypto/digest.h"
#include "lib/obs/log.h"

#define FRAME_HEAD  8
#define FILE_USUAL  ((uint64_t)32 << 20)
#define FILE_AGE_MS INT64_C(3600000)
#define RETRY_MS    INT64_C(60000) /* after a failure */
#define PATH_ROOM   4200

struct archive {
	struct loop *loop;
	char directory[PATH_ROOM - 40];
	int64_t keep_ms;
	uint64_t size_max, file_max;
	int fd; /* -1: none */
	uint64_t size;
	int64_t file_ms;  /* its name */
	int64_t retry_ms; /* nothing is tried before; 0: now */
};

static void path_of(const char *directory, int64_t file_ms, char out[PATH_ROOM])
{
	(void)snprintf(out, PATH_ROOM, "%s/%015" PRId64 ".events", directory, file_ms);
}

static bool parse_name(const char *name, int64_t *ret)
{
	uint64_t number;
	size_t digits = strspn(name, "0123456789");
	if (digits != 15 || strcmp(name + digits, ".events") != 0 ||
	    !bytes_to_u64(bytes_from(name, digits), INT64_MAX, &number))
		return false;
	*ret = (int64_t)number;
	return true;
}

static void put_head(struct bytes body, uint8_t head[FRAME_HEAD])
{
	struct digest digest = digest_of(body);
	(void)little_put32(head, (uint32_t)body.len);
	memcpy(head + 4, digest.bytes, 4);
}

/* ---- which files there are ---- */

struct files {
	int64_t *names; /* in order */
	size_t count;
};

static int by_name(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return left < right ? -1 : left > right;
}

static enum err list_files(const char *directory, struct files *ret)
{
	struct files files = {0};
	struct dirent *entry;
	int64_t name;
	DIR *dir = opendir(directory);
	*ret = files;
	if (!dir)
		return errno == ENOENT ? OK : E_IO;
	while ((entry = readdir(dir)))
		if (parse_name(entry->d_name, &name)) {
			files.names =
				memory_grow(files.names, files.count + 1, sizeof files.names[0]);
			files.names[files.count++] = name;
		}
	(void)closedir(dir);
	if (files.count > 0)
		qsort(files.names, files.count, sizeof files.names[0], by_name);
	*ret = files;
	return OK;
}

/* A file's last batch was told when the next file began, or later. */
static void delete_old(const struct archive *archive)
{
	struct files files;
	struct stat status;
	char path[PATH_ROOM];
	uint64_t size = 0;
	int64_t oldest = loop_wall_ms(archive->loop) - archive->keep_ms;
	if (list_files(archive->directory, &files) != OK)
		return;
	for (size_t i = files.count; i-- > 0;) {
		bool is_old = i + 1 < files.count && files.names[i + 1] < oldest;
		path_of(archive->directory, files.names[i], path);
		if (stat(path, &status) == 0)
			size += (uint64_t)status.st_size;
		if (is_old || size + archive->file_max > archive->size_max)
			(void)unlink(path);
	}
	free(files.names);
}

/* ---- adding ---- */

static void close_file(struct archive *archive)
{
	if (archive->fd >= 0)
		(void)close(archive->fd);
	archive->fd = -1;
}

static void note_failure(struct archive *archive, const char *what)
{
	log_event(EV_archive_failed, F_TEXT("what", what), F_TEXT("error", strerror(errno)));
	close_file(archive);
	archive->retry_ms = loop_now_ms(archive->loop) + RETRY_MS;
}

static bool open_file(struct archive *archive)
{
	char path[PATH_ROOM];
	int64_t now = loop_wall_ms(archive->loop);
	if (mkdir(archive->directory, 0700) != 0 && errno != EEXIST) {
		note_failure(archive, archive->directory);
		return false;
	}
	delete_old(archive);
	archive->file_ms = now > archive->file_ms ? now : archive->file_ms + 1;
	do { /* behind what another start left */
		path_of(archive->directory, archive->file_ms, path);
		archive->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	} while (archive->fd < 0 && errno == EEXIST && archive->file_ms++ < INT64_MAX);
	archive->size = 0;
	if (archive->fd < 0)
		note_failure(archive, path);
	return archive->fd >= 0;
}

static bool is_full(const struct archive *archive)
{
	return archive->size >= archive->file_max ||
	       loop_wall_ms(archive->loop) - archive->file_ms > FILE_AGE_MS;
}

void archive_add(struct archive *archive, struct bytes body)
{
	uint8_t head[FRAME_HEAD];
	if (archive->keep_ms <= 0 || body.len > ARCHIVE_BODY_MAX ||
	    loop_now_ms(archive->loop) < archive->retry_ms)
		return;
	if (archive->fd >= 0 && is_full(archive))
		close_file(archive);
	if (archive->fd < 0 && !open_file(archive))
		return;
	uint8_t *frame = memory_new(FRAME_HEAD + body.len);
	put_head(body, head);
	memcpy(frame, head, FRAME_HEAD);
	memcpy(frame + FRAME_HEAD, body.data, body.len);
	ssize_t written = write(archive->fd, frame, FRAME_HEAD + body.len);
	free(frame);
	if (written != (ssize_t)(FRAME_HEAD + body.len)) /* what follows goes to another file */
		note_failure(archive, "write");
	else
		archive->size += FRAME_HEAD + body.len;
}

struct archive *archive_new(const struct archive_options *options)
{
	struct archive *archive = memory_new(sizeof *archive);
	*archive = (struct archive){.loop = options->loop,
				    .keep_ms = options->keep_ms,
				    .size_max = options->size_max,
				    .file_max = options->file_max ? options->file_max : FILE_USUAL,
				    .fd = -1};
	if (archive->file_max > archive->size_max / 4)
		archive->file_max = archive->size_max / 4;
	(void)snprintf(archive->directory, sizeof archive->directory, "%s", options->directory);
	return archive;
}

void archive_free(struct archive **archive)
{
	if (*archive)
		close_file(*archive);
	free(*archive);
	*archive = NULL;
}

/* ---- reading ---- */

/* The frame at the place, behind what `out` has. False: the file has none more, or no room is left (is_full). */
static bool read_frame(int fd, struct archive_place *place, struct buf *out, bool *is_out_full)
{
	uint8_t head[FRAME_HEAD], wanted[FRAME_HEAD];
	if (pread(fd, head, sizeof head, (off_t)place->offset) != (ssize_t)sizeof head)
		return false;
	size_t len = little_get32(head);
	if (len == 0 || len > ARCHIVE_BODY_MAX)
		return false;
	if (buf_room(out) < FRAME_HEAD + len) {
		*is_out_full = true;
		return false;
	}
	uint8_t *to = buf_reserve(out, FRAME_HEAD + len);
	if (pread(fd, to + FRAME_HEAD, len, (off_t)(place->offset + FRAME_HEAD)) != (ssize_t)len)
		return false;
	put_head(bytes_from(to + FRAME_HEAD, len), wanted);
	if (memcmp(head, wanted, sizeof head) != 0)
		return false;
	memcpy(to, head, sizeof head);
	buf_commit(out, FRAME_HEAD + len);
	place->offset += FRAME_HEAD + len;
	return true;
}

/* A file that went meanwhile has nothing more. */
static bool read_file(const char *directory, struct archive_place *place, struct buf *out)
{
	char path[PATH_ROOM];
	bool is_out_full = false;
	path_of(directory, place->file_ms, path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && read_frame(fd, place, out, &is_out_full))
		;
	if (fd >= 0)
		(void)close(fd);
	return is_out_full;
}

enum err archive_read(const char *directory, int64_t since_wall_ms, struct archive_place *place,
		      struct buf *out, struct why *why)
{
	struct files files;
	buf_clear(out);
	if (list_files(directory, &files) != OK)
		return fail(why, E_IO, "%s: %s", directory, strerror(errno));
	for (size_t i = 0; i < files.count; i++) {
		bool is_before = i + 1 < files.count && files.names[i + 1] < since_wall_ms;
		if (is_before || files.names[i] < place->file_ms)
			continue;
		if (files.names[i] > place->file_ms)
			*place = (struct archive_place){.file_ms = files.names[i]};
		if (read_file(directory, place, out))
			break;
	}
	free(files.names);
	return out->len > 0 ? OK : E_NOT_FOUND;
}

bool archive_next(struct bytes *text, struct bytes *ret_body)
{
	if (text->len < FRAME_HEAD)
		return false;
	size_t len = little_get32(text->data);
	*ret_body = bytes_from(text->data + FRAME_HEAD, len);
	*text = bytes_skip(*text, FRAME_HEAD + len);
	return true;
}
