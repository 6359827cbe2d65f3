/* A disk that fails: preloaded, it lets the n-th call that writes below a path fail, and those after.

   DISK_PLAN names a file with `first errno path`; with `first` 0 nothing fails. Each process that
   ends well appends the number of its calls to DISK_PLAN.count. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pid_t planned = 0;
static int first, number, calls;
static char below[PATH_MAX];

static void read_plan(void) {
    if (planned == getpid()) return;
    planned = getpid();
    calls = 0;
    below[0] = 0;
    FILE *file = fopen(getenv("DISK_PLAN"), "r");
    if (!file) return;
    if (fscanf(file, "%d %d %4095s", &first, &number, below) != 3) below[0] = 0;
    fclose(file);
}

static int fails(const char *path) {
    read_plan();
    if (!below[0] || strncmp(path, below, strlen(below))) return 0;
    calls++;
    if (!first || calls < first) return 0;
    errno = number;
    return 1;
}

static int fails_at(int descriptor) {
    char name[64], path[PATH_MAX];
    snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(path);
}

__attribute__((destructor)) static void tell(void) {
    char name[PATH_MAX];
    if (planned != getpid()) return;
    snprintf(name, sizeof name, "%s.count", getenv("DISK_PLAN"));
    FILE *file = fopen(name, "a");
    if (!file) return;
    fprintf(file, "%d\n", calls);
    fclose(file);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define GUARDED(condition, name, ...) return (condition) ? -1 : REAL(name)(__VA_ARGS__)
#define CREATES(flags) ((flags) & (O_CREAT | O_TRUNC))
#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & O_CREAT) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *path, int flags, ...) { MODE(flags) GUARDED(CREATES(flags) && fails(path), open, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) GUARDED(CREATES(flags) && fails(path), open64, path, flags, mode); }
int mkdir(const char *path, mode_t mode) { GUARDED(fails(path), mkdir, path, mode); }
int rename(const char *from, const char *to) { GUARDED(fails(to), rename, from, to); }
ssize_t write(int file, const void *data, size_t size) { GUARDED(fails_at(file), write, file, data, size); }
ssize_t pwrite(int file, const void *data, size_t size, off_t at) { GUARDED(fails_at(file), pwrite, file, data, size, at); }
ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) { GUARDED(fails_at(file), pwrite64, file, data, size, at); }
int fsync(int file) { GUARDED(fails_at(file), fsync, file); }
int fdatasync(int file) { GUARDED(fails_at(file), fdatasync, file); }
int ftruncate(int file, off_t size) { GUARDED(fails_at(file), ftruncate, file, size); }
int ftruncate64(int file, off64_t size) { GUARDED(fails_at(file), ftruncate64, file, size); }
