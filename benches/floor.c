/* The floor of a launch: posix_spawn in a loop, each process with a group of its own and a pipe for its output, and
 * nothing else around it.
 * Usage: floor N PROGRAM [ARGUMENT...]. Prints the microseconds from the first start to the last, and the microseconds of
 * CPU that all of it took, the processes included. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static double cpu(int who)
{
	struct rusage u;
	getrusage(who, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static void start(char **child)
{
	int ends[2];
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t group;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC)) {
		perror("pipe2");
		exit(1);
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
	posix_spawnattr_init(&group);
	posix_spawnattr_setflags(&group, POSIX_SPAWN_SETPGROUP);
	errno = posix_spawn(&pid, child[0], &actions, &group, child, environ);
	if (errno) {
		perror("posix_spawn");
		exit(1);
	}
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&group);
	close(ends[1]);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	int n = atoi(argv[1]);
	double began = now();
	for (int i = 0; i < n; i++)
		start(argv + 2);
	double took = now() - began;
	while (wait(NULL) > 0)
		;
	printf("%.0f %.0f\n", took, cpu(RUSAGE_SELF) + cpu(RUSAGE_CHILDREN));
	return 0;
}
