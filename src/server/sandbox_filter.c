/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter of system calls (seccomp, mode filter) as a program for the kernel's machine. A call that is allowed whatever its arguments costs next to
 * nothing: the kernel knows these by number (since Linux 5.11). Arguments behind pointers cannot be seen, so no decision needs one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/assert.h"
#include "server/sandbox_calls.h"
#include "server/sandbox_priv.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#endif

#ifdef ARCH

#define PROGRAM_MAX 600
#define HIGH 4 /* bytes: where the upper half of an argument lies (all these machines are little-endian) */

struct program {
	struct sock_filter at[PROGRAM_MAX];
	unsigned short n;
};

static void
add(struct program *p, struct sock_filter what)
{
	ensure(p->n < PROGRAM_MAX);
	p->at[p->n++] = what;
}

static void
load(struct program *p, size_t where)
{
	add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)where));
}

static void
answer(struct program *p, unsigned what)
{
	add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what));
}

static size_t
argument(unsigned i)
{
	return offsetof(struct seccomp_data, args) + i * sizeof(uint64_t);
}

static void
allow(struct program *p, int call)
{
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1));
	answer(p, SECCOMP_RET_ALLOW);
}

/* The call, if of that argument's lower half (flags, a command, a number) no bit of mask is set, but all of want are. Else it is refused. */
__attribute__((unused)) static void
allow_bits(struct program *p, int call, unsigned arg, unsigned mask, unsigned want)
{
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 5));
	load(p, argument(arg));
	add(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask | want));
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, want, 0, 1));
	answer(p, SECCOMP_RET_ALLOW);
	answer(p, SECCOMP_RET_ERRNO | ENOSYS);
}

/* The call, if that argument is one of these. */
static void
allow_values(struct program *p, int call, unsigned arg, unsigned n, const unsigned *values)
{
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, (unsigned char)(2 + 2 * n)));
	load(p, argument(arg));
	for (unsigned i = 0; i < n; i++)
		allow(p, (int)values[i]);
	answer(p, SECCOMP_RET_ERRNO | ENOSYS);
}

/* The argument has to be 0, with all its bits; else so many of the instructions behind are passed over. */
static void
must_be_zero(struct program *p, unsigned arg, unsigned char past)
{
	load(p, argument(arg));
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, (unsigned char)(past + 2)));
	load(p, argument(arg) + HIGH);
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, past));
}

/* Sends without an address: TCP Fast Open would connect with one. */
static void
allow_sending(struct program *p)
{
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_sendto, 0, 6));
	must_be_zero(p, 4, 1);
	answer(p, SECCOMP_RET_ALLOW);
	answer(p, SECCOMP_RET_ERRNO | ENOSYS);
}

/* Looks at limits of its own, and changes none. */
static void
allow_limits(struct program *p)
{
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_prlimit64, 0, 8));
	load(p, argument(0));
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 5));
	must_be_zero(p, 2, 1);
	answer(p, SECCOMP_RET_ALLOW);
	answer(p, SECCOMP_RET_ERRNO | ENOSYS);
}

/* With the arguments that the server and its libraries need: no other process, no code that was not there at the start. */
static void
allow_some(struct program *p)
{
	static const unsigned files[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW};
	static const unsigned devices[] = {FIONREAD, FIONBIO, FIOCLEX, SIOCOUTQNSD};
	static const unsigned names[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP};

	allow_values(p, __NR_fcntl, 1, sizeof(files) / sizeof(*files), files);
	allow_sending(p);
	allow_bits(p, __NR_sendmsg, 2, MSG_FASTOPEN, 0);
#ifndef MANSIO_SANITIZE
	allow_bits(p, __NR_mmap, 2, PROT_EXEC, 0);
	allow_bits(p, __NR_mprotect, 2, PROT_EXEC, 0);
	allow_bits(p, __NR_clone, 0, 0, CLONE_THREAD | CLONE_VM | CLONE_SIGHAND);
	allow_values(p, __NR_ioctl, 1, sizeof(devices) / sizeof(*devices), devices);
	allow_values(p, __NR_prctl, 0, sizeof(names) / sizeof(*names), names);
	allow_values(p, __NR_tgkill, 0, 1, (const unsigned[]){(unsigned)getpid()});
	allow_limits(p);
#else
	(void)devices;
	(void)names;
	(void)allow_limits;
#endif
}

static void
begin(struct program *p)
{
	load(p, offsetof(struct seccomp_data, arch));
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
	answer(p, SECCOMP_RET_KILL_PROCESS);
	load(p, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
	/* The numbers of x32. */
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1));
	answer(p, SECCOMP_RET_ERRNO | ENOSYS);
#endif
}

bool
sandbox_filter_calls(void)
{
	struct program p = {.n = 0};
	struct sock_fprog fprog = {.filter = p.at};

	begin(&p);
	for (size_t i = 0; i < sizeof(sandbox_calls) / sizeof(*sandbox_calls); i++)
		allow(&p, sandbox_calls[i]);
	allow_some(&p);
	answer(&p, SECCOMP_RET_ERRNO | ENOSYS);
	fprog.len = p.n;
	return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &fprog) == 0;
}

#else

bool
sandbox_filter_calls(void)
{
	errno = ENOSYS;
	return false;
}

#endif
