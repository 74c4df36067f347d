/* Lets user-mode-linux run on processors whose extended state is larger than its buffer, such as those with AMX.

A kernel takes PTRACE_SETREGSET of NT_X86_XSTATE only for the whole state: `xstateregs_set` in arch/x86/kernel/fpu/regset.c returns
EFAULT for less. user-mode-linux reserves 2696 bytes (HOST_FP_SIZE), the size of a state with AVX-512. So this library, loaded by
LD_PRELOAD, reads the whole state, replaces its first bytes by those that user-mode-linux has, and writes it back.
*/

#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static unsigned char whole_state[1 << 16];
static int too_large;

static long set_state(pid_t pid, const struct iovec *given)
{
    struct iovec whole = {whole_state, sizeof whole_state};

    if (!too_large) {
        long failed = syscall(SYS_ptrace, PTRACE_SETREGSET, pid, NT_X86_XSTATE, given);
        if (!failed || errno != EFAULT)
            return failed;
        too_large = 1;
    }
    if (syscall(SYS_ptrace, PTRACE_GETREGSET, pid, NT_X86_XSTATE, &whole) < 0)
        return -1;
    memcpy(whole_state, given->iov_base, given->iov_len < whole.iov_len ? given->iov_len : whole.iov_len);
    return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, NT_X86_XSTATE, &whole);
}

/* As glibc's, which returns the word that a PEEK request reads. */
long ptrace(enum __ptrace_request request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    pid_t pid = va_arg(arguments, pid_t);
    void *address = va_arg(arguments, void *);
    void *data = va_arg(arguments, void *);
    va_end(arguments);

    if (request == PTRACE_SETREGSET && address == (void *)NT_X86_XSTATE)
        return set_state(pid, data);
    if (request != PTRACE_PEEKTEXT && request != PTRACE_PEEKDATA && request != PTRACE_PEEKUSER)
        return syscall(SYS_ptrace, request, pid, address, data);

    long word;
    if (syscall(SYS_ptrace, request, pid, address, &word) < 0)
        return -1;
    errno = 0;
    return word;
}
