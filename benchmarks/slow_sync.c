/* A disk that needs longer for a sync: LD_PRELOAD delays fsync and fdatasync by SLOW_SYNC_MS. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_for_disk(void) {
    const char *given = getenv("SLOW_SYNC_MS");
    double left = given ? atof(given) : 0.0;
    struct timespec pause = {(time_t)(left / 1000.0), 0};
    pause.tv_nsec = (long)((left - 1000.0 * (double)pause.tv_sec) * 1e6);
    nanosleep(&pause, NULL);
}

int fsync(int file) {
    wait_for_disk();
    return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file) {
    wait_for_disk();
    return (int)syscall(SYS_fdatasync, file);
}
