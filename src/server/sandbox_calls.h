/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls of a server that runs: everything else gets ENOSYS (sandbox_filter.c). A name that this architecture or the headers lack is left
 * out. There is no socket, connect, bind, listen, exec, fork, kill, ptrace, mount, unshare, setuid, io_uring, bpf, userfaultfd, keyctl, and no open
 * but below the folders that Landlock lets through. Those that depend on their arguments stand in sandbox_filter.c.
 */
#ifndef SERVER_SANDBOX_CALLS_H
#define SERVER_SANDBOX_CALLS_H

#include <sys/syscall.h>

/* Files of the store, certificates, the log; what the C library asks of the system. */
static const int sandbox_calls[] = {
	__NR_read, __NR_write, __NR_close, __NR_fstat, __NR_lseek, __NR_munmap, __NR_brk, __NR_rt_sigaction, __NR_rt_sigprocmask, __NR_rt_sigreturn,
	__NR_pread64, __NR_pwrite64, __NR_readv, __NR_writev, __NR_preadv, __NR_pwritev, __NR_sched_yield, __NR_mremap, __NR_madvise, __NR_mincore,
	__NR_dup, __NR_dup3, __NR_nanosleep, __NR_getpid, __NR_exit, __NR_uname, __NR_fsync, __NR_fdatasync, __NR_sync_file_range, __NR_truncate,
	__NR_ftruncate, __NR_fallocate, __NR_fadvise64, __NR_getcwd, __NR_fchmod, __NR_fchown, __NR_umask, __NR_gettimeofday, __NR_getrusage, __NR_sysinfo,
	__NR_times, __NR_getuid, __NR_getgid, __NR_geteuid, __NR_getegid, __NR_getppid, __NR_rt_sigtimedwait, __NR_sigaltstack, __NR_statfs,
	__NR_fstatfs, __NR_gettid, __NR_futex, __NR_sched_getaffinity, __NR_getdents64, __NR_restart_syscall, __NR_clock_gettime, __NR_clock_getres,
	__NR_clock_nanosleep, __NR_exit_group, __NR_openat, __NR_mkdirat, __NR_unlinkat, __NR_linkat, __NR_readlinkat, __NR_faccessat,
	__NR_ppoll, __NR_set_robust_list, __NR_get_robust_list, __NR_getrandom, __NR_getcpu,
	/* connections that were accepted */
	__NR_epoll_ctl, __NR_epoll_pwait, __NR_eventfd2, __NR_timerfd_create, __NR_timerfd_settime, __NR_timerfd_gettime, __NR_accept4, __NR_accept,
	__NR_recvfrom, __NR_recvmsg, __NR_shutdown, __NR_getsockname, __NR_getpeername, __NR_setsockopt, __NR_getsockopt,
#ifdef __NR_renameat
	__NR_renameat,
#endif
	__NR_renameat2,
#ifdef __NR_fstatat64
	__NR_fstatat64,
#endif
#ifdef __NR_newfstatat
	__NR_newfstatat,
#endif
#ifdef __NR_statx
	__NR_statx,
#endif
#ifdef __NR_rseq
	__NR_rseq,
#endif
#ifdef __NR_faccessat2
	__NR_faccessat2,
#endif
#ifdef __NR_epoll_pwait2
	__NR_epoll_pwait2,
#endif
#ifdef __NR_getrlimit
	__NR_getrlimit,
#endif
#ifdef __x86_64__
	__NR_open, __NR_stat, __NR_lstat, __NR_poll, __NR_access, __NR_dup2, __NR_rename, __NR_mkdir, __NR_rmdir, __NR_link, __NR_unlink, __NR_readlink,
	__NR_time, __NR_epoll_wait,
#endif
#ifdef MANSIO_SANITIZE
	/* What looks for leaks does so from a process beside it; reports name their places. */
	__NR_ptrace, __NR_wait4, __NR_prctl, __NR_pipe2, __NR_kill, __NR_tkill, __NR_personality, __NR_process_vm_readv, __NR_clone, __NR_execve,
	__NR_socketpair, __NR_sched_setaffinity, __NR_setitimer, __NR_mlock, __NR_munlock, __NR_mprotect, __NR_mmap, __NR_ioctl, __NR_prlimit64, __NR_tgkill,
#ifdef __x86_64__
	__NR_pipe, __NR_fork, __NR_arch_prctl, __NR_getdents,
#endif
#endif
};

#endif
