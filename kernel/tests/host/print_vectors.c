// SPDX-License-Identifier: GPL-2.0-only
/*
 * print_vectors           the text of vectors.txt
 * print_vectors DIRECTORY each as a file there, for the fuzzers to begin with
 */
#include <stdio.h>

#include "vectors.h"

int main(int argc, char **argv)
{
	int i, n = vectors_make();

	if (argc < 2) {
		fputs(vectors_text(), stdout);
		return 0;
	}
	for (i = 0; i < n; i++) {
		char path[512];
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", argv[1], vectors[i].name);
		file = fopen(path, "wb");
		if (!file) {
			perror(path);
			return 1;
		}
		fwrite(vectors[i].bytes, 1, vectors[i].len, file);
		fclose(file);
	}
	return 0;
}
