/* Random numbers and ids from the kernel's generator, buffered per thread. */
#ifndef LEVERET_LIB_BASE_RANDOM_H
#define LEVERET_LIB_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *out, size_t len);
uint64_t random_u64(void);
double random_unit(void); /* [0, 1) */

/* Text of an id, NUL included. 26 characters of Crockford base 32: 48 bits of wall milliseconds, then 80 random bits,
 * so ids sort by birth and never collide. The alphabet is 0-9A-Z without I, L, O, U. */
#define ID_SIZE 27
void id_new(int64_t wall_ms, char out[ID_SIZE]);
/* The same of 80 bits that are given, the low five of each byte. */
#define ID_NOISE 16
void id_of(int64_t wall_ms, const uint8_t noise[ID_NOISE], char out[ID_SIZE]);

#endif
