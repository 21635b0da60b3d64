/* The floor of lateness: sleeps to each full second, and starts a program with nothing around it.
 * Usage: each_second N PROGRAM ARGUMENT. */
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec = 0;
	for (int n = atoi(argv[1]); n > 0; n--) {
		pid_t pid;
		t.tv_sec++;
		while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) == EINTR)
			;
		if (posix_spawn(&pid, argv[2], NULL, NULL, argv + 2, environ))
			return 1;
		waitpid(pid, NULL, 0);
	}
	return 0;
}
