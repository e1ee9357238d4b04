/*
 * How many fresh anonymous 4 KiB pages a second one thread can write to and give back.
 *
 * A pair is what the model counts as one: the first write to a page of a large private mapping, and its share of the
 * munmap. No huge pages, as the model has none. Prints pairs per second of wall time.
 *
 *     page-fault MILLISECONDS
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE 4096UL
#define LENGTH (64UL << 20)

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void touch_and_unmap(void)
{
	volatile char *pages = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	/* A kernel without huge pages refuses the advice, and needs none. */
	(void)madvise((void *)pages, LENGTH, MADV_NOHUGEPAGE);
	for (unsigned long at = 0; at < LENGTH; at += PAGE)
		pages[at] = 1;
	munmap((void *)pages, LENGTH);
}

int main(int argc, char **argv)
{
	double wanted = argc > 1 ? atof(argv[1]) / 1000 : 1;
	double started, passed;
	unsigned long pairs = 0;

	touch_and_unmap();
	started = seconds();
	do {
		touch_and_unmap();
		pairs += LENGTH / PAGE;
		passed = seconds() - started;
	} while (passed < wanted);
	printf("%.0f\n", pairs / passed);
	return 0;
}
