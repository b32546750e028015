/* "Did you mean": the known word nearest to one that is not known. */
#ifndef LEVERET_LIB_CONF_NEAREST_H
#define LEVERET_LIB_CONF_NEAREST_H

struct nearest {
	const char *word; /* what was written */
	const char *best; /* borrowed from an offer; NULL: none is near */
	unsigned best_distance;
};

void nearest_init(struct nearest *nearest, const char *word);
void nearest_offer(struct nearest *nearest, const char *known);

#endif
