/* The floor of the launch storm: posix_spawn in a loop with nothing around it.
 * Usage: floor N PROGRAM. Prints the microseconds from the first start to the last. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	int n = atoi(argv[1]);
	char *child[] = { argv[2], NULL };
	double began = now();
	for (int i = 0; i < n; i++) {
		pid_t pid;
		int error = posix_spawn(&pid, argv[2], NULL, NULL, child, environ);
		if (error) {
			errno = error;
			perror("posix_spawn");
			return 1;
		}
	}
	printf("%.0f\n", now() - began);
	fflush(stdout);
	while (wait(NULL) > 0)
		;
	return 0;
}
