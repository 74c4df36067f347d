/* The process of a sandbox: keeps its namespaces, ends when it is told to. As process 1 it has to catch what it ends on. */
#include <signal.h>
#include <unistd.h>

static void end(int signal_number) {
    (void)signal_number;
    _exit(0);
}

int main(void) {
    signal(SIGTERM, end);
    signal(SIGINT, end);
    for (;;) pause();
}
