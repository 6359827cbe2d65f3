/* LD_PRELOAD: a bind() to every address becomes a bind() to loopback. Debian's Orthanc has no
   setting for the address it listens on; with RemoteAccessAllowed off it refuses only afterwards.
     cc -shared -fPIC -O2 -o bind_loopback.so bind_loopback.c -ldl */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

typedef int (*bind_function)(int, const struct sockaddr *, socklen_t);

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
    static bind_function next;
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "bind");
    if (address && address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        if (v4.sin_addr.s_addr == htonl(INADDR_ANY))
            v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return next(fd, (struct sockaddr *)&v4, sizeof v4);
    }
    if (address && address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        if (IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr)) {
            /* A socket of both families takes IPv4 clients here; one of IPv6 only refuses it. */
            inet_pton(AF_INET6, "::ffff:127.0.0.1", &v6.sin6_addr);
            if (next(fd, (struct sockaddr *)&v6, sizeof v6) == 0)
                return 0;
            v6.sin6_addr = in6addr_loopback;
        }
        return next(fd, (struct sockaddr *)&v6, sizeof v6);
    }
    return next(fd, address, length);
}
