// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The peer of the scheduler: how late a bare timerfd wakes a process that does nothing else, at each whole second.
// Usage: bench_timer COUNT. Prints one JSON array of nanoseconds.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct timespec now;
    uint64_t rung;
    if (argc != 2)
        return 64;
    int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC);
    for (long n = 0, count = strtol(argv[1], NULL, 10); n < count; n++) {
        clock_gettime(CLOCK_REALTIME, &now);
        struct itimerspec at = {.it_value = {.tv_sec = now.tv_sec + 1}};
        if (timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL) != 0 || read(fd, &rung, sizeof rung) != sizeof rung)
            return 1;
        clock_gettime(CLOCK_REALTIME, &now);
        printf("%s%lld", n ? "," : "[", (long long)(now.tv_sec - at.it_value.tv_sec) * 1000000000 + now.tv_nsec);
        fflush(stdout);
    }
    puts("]");
    return 0;
}
