/* The worker: one call of the runtime, from standard input to the exit status. */
#ifndef SESSION_H
#define SESSION_H

/* `hangup`: the end of a pipe that hangs up when the launcher is gone; `sigchld`: a signalfd for SIGCHLD. */
_Noreturn void serve_call(int hangup, int sigchld);

#endif
