/* What a reader of a tap has of each worker, and so what it missed. Pure. */
#ifndef LEVERET_WORKERS_TAPS_TAP_COUNTS_H
#define LEVERET_WORKERS_TAPS_TAP_COUNTS_H

#include "workers/taps/tap_word.h"

#define TAP_WORKERS_MAX 1000 /* of more, nothing is known to be missed */

struct tap_counts;
struct tap_counts *tap_counts_new(void);
void tap_counts_free(struct tap_counts **counts);
/* An answer with so many lines; answers of one worker come in order. Gives how many lines were missed that were not told before. */
uint64_t tap_counts_note(struct tap_counts *counts, const struct tap_head *head,
			 uint64_t line_count);
size_t tap_counts_workers(const struct tap_counts *counts);

#endif
