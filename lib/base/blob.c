/* Blobs: a small one is a heap block, a large one an unlinked file that the kernel takes back when the last reference goes. */
#include "lib/base/blob.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/base/memory.h"

struct blob {
	unsigned references;
	int fd; /* -1: in memory */
	uint64_t size;
	uint8_t *memory;
};

struct blob_writer {
	const char *directory; /* borrowed until the writer ends */
	struct buf memory;
	int fd; /* -1: still in memory */
	uint64_t size;
};

struct blob *blob_ref(struct blob *blob)
{
	if (blob)
		blob->references++;
	return blob;
}

void blob_unref(struct blob **blob)
{
	struct blob *b = *blob;
	*blob = NULL;
	if (!b || --b->references > 0)
		return;
	if (b->fd >= 0)
		(void)close(b->fd);
	free(b->memory);
	free(b);
}

uint64_t blob_size(const struct blob *blob)
{
	return blob ? blob->size : 0;
}

struct bytes blob_memory(const struct blob *blob)
{
	return blob && blob->fd < 0 ? bytes_from(blob->memory, (size_t)blob->size) : BYTES_NONE;
}

enum err blob_read(const struct blob *blob, uint64_t offset, void *out, size_t len, struct why *why)
{
	assert(offset <= blob->size && len <= blob->size - offset);
	if (blob->fd < 0) {
		if (len > 0)
			memcpy(out, blob->memory + offset, len);
		return OK;
	}
	for (size_t done = 0; done < len;) {
		ssize_t got =
			pread(blob->fd, (uint8_t *)out + done, len - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return fail(why, E_IO, "read a spooled message: %s",
				    got < 0 ? strerror(errno) : "it is shorter than written");
		done += (size_t)got;
	}
	return OK;
}

struct blob *blob_from_bytes(struct bytes b)
{
	struct blob *blob = memory_new(sizeof *blob);
	*blob = (struct blob){
		.references = 1, .fd = -1, .size = b.len, .memory = memory_new(b.len)};
	if (b.len > 0)
		memcpy(blob->memory, b.data, b.len);
	return blob;
}

struct blob_writer *blob_writer_new(const char *directory, size_t memory_max_bytes)
{
	struct blob_writer *writer = memory_new(sizeof *writer);
	writer->directory = directory;
	writer->fd = -1;
	buf_init(&writer->memory, memory_max_bytes);
	return writer;
}

void blob_writer_free(struct blob_writer **writer)
{
	if (!*writer)
		return;
	if ((*writer)->fd >= 0)
		(void)close((*writer)->fd);
	buf_done(&(*writer)->memory);
	free(*writer);
	*writer = NULL;
}

static enum err spool(int fd, struct bytes b, struct why *why)
{
	int error_number = file_write_all(fd, b);
	if (!error_number)
		return OK;
	return fail(why, error_number == ENOSPC || error_number == EDQUOT ? E_FULL : E_IO,
		    "write a spooled message: %s", strerror(error_number));
}

/* O_TMPFILE where the file system has it, else a file that is unlinked at once. */
static int open_unlinked(const char *directory)
{
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	char path[4096];
	int len = snprintf(path, sizeof path, "%s/blob-XXXXXX", directory);
	if (len < 0 || (size_t)len >= sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		(void)unlink(path);
	return fd;
}

static enum err move_to_file(struct blob_writer *writer, struct why *why)
{
	writer->fd = open_unlinked(writer->directory);
	if (writer->fd < 0)
		return fail(why, errno == ENOSPC ? E_FULL : E_IO, "open a spool file in %s: %s",
			    writer->directory, strerror(errno));
	enum err err = spool(writer->fd, buf_bytes(&writer->memory), why);
	buf_done(&writer->memory);
	return err;
}

enum err blob_writer_append(struct blob_writer *writer, struct bytes b, struct why *why)
{
	enum err err = OK;
	if (writer->fd < 0 && b.len > buf_room(&writer->memory))
		err = move_to_file(writer, why);
	if (err == OK)
		err = writer->fd < 0 ? buf_append(&writer->memory, b) : spool(writer->fd, b, why);
	if (err == OK)
		writer->size += b.len;
	return err;
}

uint64_t blob_writer_size(const struct blob_writer *writer)
{
	return writer->size;
}

struct blob *blob_writer_finish(struct blob_writer **writer)
{
	struct blob *blob = NULL;
	if ((*writer)->fd < 0) {
		blob = blob_from_bytes(buf_bytes(&(*writer)->memory));
	} else {
		blob = memory_new(sizeof *blob);
		*blob = (struct blob){
			.references = 1, .fd = (*writer)->fd, .size = (*writer)->size};
		(*writer)->fd = -1;
	}
	blob_writer_free(writer);
	return blob;
}
