/* SPDX-License-Identifier: ISC */
/*
 * disk-ceiling: what a file system can do at most for a spool: create a file,
 * write it, fsync it, rename it and remove it.  Nothing of Stagepost inside.
 *
 *	disk-ceiling [-d] [-l SIZE] [-p PROCESSES] [-t SECONDS] DIR
 *	disk-ceiling [-d] [-l SIZE] -n FILES DIR
 *
 *	-d  fsync the directory after the rename, too
 *
 * Each process works in a directory of its own below DIR.  Prints "files
 * seconds", the files of all processes together.  With -n one process does so
 * many, and prints for each of them the microseconds from the write until it is
 * durable under its new name.
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const names[] = {"new", "whole"};

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The whole life of one file; seconds from the write until it is durable. */
static double
live(int dir, const char *data, size_t len, bool flush_names)
{
	int fd = openat(dir, names[0], O_WRONLY | O_CREAT | O_EXCL, 0600);
	double began_s = now_s(), durable_s;

	if (fd == -1 || write(fd, data, len) != (ssize_t)len ||
	    fsync(fd) == -1 || close(fd) == -1 ||
	    renameat(dir, names[0], dir, names[1]) == -1 ||
	    (flush_names && fsync(dir) == -1))
		err(1, "a file");
	durable_s = now_s();
	if (unlinkat(dir, names[1], 0) == -1)
		err(1, "a file");
	return durable_s - began_s;
}

/* So many files, each told of, or with 0 as many as there is time for. */
static unsigned long
work(const char *path, size_t len, double end_s, unsigned long files,
    bool flush_names)
{
	char *data = malloc(len);
	unsigned long n = 0;
	double s;
	int dir;

	if (data == NULL || mkdir(path, 0700) == -1 ||
	    (dir = open(path, O_RDONLY | O_DIRECTORY)) == -1)
		err(1, "%s", path);
	memset(data, 'x', len);
	for (; files > 0 ? n < files : now_s() < end_s; n++) {
		s = live(dir, data, len, flush_names);
		if (files > 0)
			printf("%.1f\n", s * 1e6);
	}
	close(dir);
	free(data);
	rmdir(path);
	return n;
}

static unsigned long
work_together(
    const char *top, int processes, size_t len, double end_s, bool flush_names)
{
	unsigned long *counts, sum = 0;
	char path[4096];
	int status;

	counts = mmap(NULL, (size_t)processes * sizeof(*counts),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		err(1, "mmap");
	for (int i = 0; i < processes; i++) {
		snprintf(path, sizeof(path), "%s/ceiling.%d", top, i);
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			counts[i] = work(path, len, end_s, 0, flush_names);
			_exit(0);
		}
	}
	for (int i = 0; i < processes; i++)
		if (wait(&status) == -1 || status != 0)
			errx(1, "a process failed");
	for (int i = 0; i < processes; i++)
		sum += counts[i];
	return sum;
}

int
main(int argc, char *argv[])
{
	int c, processes = 1;
	size_t len = 1024;
	double seconds = 3, began_s;
	char path[4096];
	unsigned long n, files = 0;
	bool flush_names = false;

	while ((c = getopt(argc, argv, "dl:n:p:t:")) != -1) {
		if (c == 'd')
			flush_names = true;
		else if (c == 'p')
			processes = atoi(optarg);
		else if (c == 'n')
			files = strtoul(optarg, NULL, 10);
		else if (c == 'l')
			len = (size_t)atol(optarg);
		else if (c == 't')
			seconds = atof(optarg);
		else
			errx(2,
			    "unknown option; see the head of disk-ceiling.c");
	}
	if (optind != argc - 1 || processes < 1 || len < 1)
		errx(2, "expected a directory");
	if (files > 0) {
		snprintf(path, sizeof(path), "%s/ceiling", argv[optind]);
		work(path, len, 0, files, flush_names);
		return 0;
	}
	began_s = now_s();
	n = work_together(
	    argv[optind], processes, len, began_s + seconds, flush_names);
	printf("%lu %.3f\n", n, now_s() - began_s);
	return 0;
}
