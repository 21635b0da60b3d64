/* What the benchmark of lateness runs: appends the time at its start to a file, in nanoseconds.
 * Usage: now FILE. */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec t;
	char line[32];

	clock_gettime(CLOCK_REALTIME, &t);
	if (argc != 2)
		return 2;
	int length = snprintf(line, sizeof line, "%lld%09ld\n", (long long)t.tv_sec, t.tv_nsec);
	int file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0644);
	return write(file, line, length) != length;
}
