/* Socket files: see socket_file.h. Descriptors go to the caller, or are closed here when a step fails. */
#include "broker/embedded/line/socket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FILE_NAME "socket"
#define BACKLOG	  64

static int open_directory(const char *directory)
{
	return open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static struct sockaddr_un address_in(int directory_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	(void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" FILE_NAME,
		       directory_fd);
	return address;
}

static int new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* ---- at the host ---- */

static enum err bind_in(int directory_fd, int fd, const char *directory, struct why *why)
{
	struct sockaddr_un address = address_in(directory_fd);
	if (unlinkat(directory_fd, FILE_NAME, 0) != 0 && errno != ENOENT)
		return fail(why, E_IO, "remove %s/" FILE_NAME ": %s", directory, strerror(errno));
	/* Before bind, which takes the file's mode from the socket: it is never open to others, whatever the umask. */
	if (fchmod(fd, 0600) != 0)
		return fail(why, E_IO, "mode of %s/" FILE_NAME ": %s", directory, strerror(errno));
	if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(fd, BACKLOG) != 0)
		return fail(why, E_IO, "listen at %s/" FILE_NAME ": %s", directory,
			    strerror(errno));
	return OK;
}

enum err socket_file_listen(const char *directory, int *ret_directory_fd, int *ret_fd,
			    struct why *why)
{
	int directory_fd = open_directory(directory);
	if (directory_fd < 0)
		return fail(why, E_IO, "open %s: %s", directory, strerror(errno));
	int fd = new_socket();
	enum err err = fd >= 0 ? bind_in(directory_fd, fd, directory, why)
			       : fail(why, E_IO, "socket: %s", strerror(errno));
	if (err != OK) {
		if (fd >= 0)
			(void)close(fd);
		(void)close(directory_fd);
		return err;
	}
	*ret_directory_fd = directory_fd;
	*ret_fd = fd;
	return OK;
}

bool socket_file_exists(int directory_fd)
{
	return faccessat(directory_fd, FILE_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	       errno != ENOENT;
}

void socket_file_remove(int directory_fd)
{
	(void)unlinkat(directory_fd, FILE_NAME, 0);
}

/* ---- at the client ---- */

static enum err connect_in(int directory_fd, int fd, const char *directory, struct why *why)
{
	struct sockaddr_un address = address_in(directory_fd);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return OK;
	bool is_away = errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN;
	return fail(why, is_away ? E_AWAY : E_IO, "connect to %s/" FILE_NAME ": %s", directory,
		    strerror(errno));
}

enum err socket_file_connect(const char *directory, int *ret_fd, struct why *why)
{
	int directory_fd = open_directory(directory);
	if (directory_fd < 0)
		return fail(why, errno == ENOENT ? E_AWAY : E_IO, "open %s: %s", directory,
			    strerror(errno));
	int fd = new_socket();
	enum err err = fd >= 0 ? connect_in(directory_fd, fd, directory, why)
			       : fail(why, E_IO, "socket: %s", strerror(errno));
	(void)close(directory_fd);
	if (err != OK) {
		if (fd >= 0)
			(void)close(fd);
		return err;
	}
	*ret_fd = fd;
	return OK;
}
