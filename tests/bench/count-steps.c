/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts the instructions that the host executes between two signals of a program, by single steps:
 * exact, so the same on a quiet and on a busy host, and usable where virtual machines offer no hardware
 * counters.
 *
 *     count-steps PROGRAM ARGUMENTS…
 *
 * The program's first thread raises SIGUSR1 where a window begins and again where it ends. Each pair
 * gives a line "STEPS N" on standard error. Other threads run as usual and are not counted. The raising
 * itself is in N: the program's first window, with nothing in it, says how much that is.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* Both on one processor: a step is two switches, several times cheaper without waking another one. */
static void share_processor(void)
{
    cpu_set_t set;
    int cpu = sched_getcpu();
    CPU_ZERO(&set);
    CPU_SET(cpu < 0 ? 0 : cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

static int trace(pid_t child)
{
    bool inside = false;
    uint64_t steps = 0;
    for (;;) {
        int status;
        if (waitpid(child, &status, 0) < 0)
            return 1;
        if (WIFEXITED(status))
            return WEXITSTATUS(status);
        if (WIFSIGNALED(status)) {
            fprintf(stderr, "count-steps: the program was killed by signal %d\n", WTERMSIG(status));
            return 1;
        }
        int signal = WSTOPSIG(status);
        if (signal == SIGTRAP) {
            steps++;
            signal = 0;
        } else if (signal == SIGUSR1) {
            if (inside)
                fprintf(stderr, "STEPS %" PRIu64 "\n", steps);
            inside = !inside;
            steps = 0;
            signal = 0;
        }
        if (ptrace(inside ? PTRACE_SINGLESTEP : PTRACE_CONT, child, NULL, (void *)(intptr_t)signal))
            return 1;
    }
}

int main(int count, char **words)
{
    if (count < 2) {
        fprintf(stderr, "usage: count-steps PROGRAM ARGUMENTS…\n");
        return 2;
    }
    share_processor();
    pid_t child = fork();
    if (child < 0) {
        fprintf(stderr, "count-steps: cannot fork: %s\n", strerror(errno));
        return 1;
    }
    if (!child) {
        if (!ptrace(PTRACE_TRACEME, 0, NULL, NULL))
            execvp(words[1], words + 1);
        fprintf(stderr, "count-steps: cannot trace or start %s: %s\n", words[1], strerror(errno));
        _exit(127);
    }
    return trace(child);
}
