/*
 * Gives every TCP socket of a process a rate, in bytes a second, that the kernel holds it to: a link of less bandwidth, where
 * there is no traffic shaping. For scaling.mjs, which compiles it and preloads it into the ranks that it measures.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/socket.h>

static int paced(int fd) {
  const char *rate = getenv("PACE");
  unsigned int bytes = rate ? strtoul(rate, 0, 10) : 0;
  if (fd >= 0 && bytes > 0) setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &bytes, sizeof bytes);
  return fd;
}

int socket(int domain, int type, int protocol) {
  int (*next)(int, int, int) = dlsym(RTLD_NEXT, "socket");
  return paced(next(domain, type, protocol));
}

int accept(int fd, struct sockaddr *address, socklen_t *length) {
  int (*next)(int, struct sockaddr *, socklen_t *) = dlsym(RTLD_NEXT, "accept");
  return paced(next(fd, address, length));
}
