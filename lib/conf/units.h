/* Numbers as people write them, and back. Parsers take all of the text or return false; writers give the shortest text that
 * parses to the same number. */
#ifndef LEVERET_LIB_CONF_UNITS_H
#define LEVERET_LIB_CONF_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#define UNITS_TEXT_SIZE 40

bool units_parse_number(const char *text, int64_t *ret);   /* 20, -3 */
bool units_parse_duration(const char *text, int64_t *ret); /* ms: 500ms 20s 5m 2h 3d 1w, 0 */
bool units_parse_size(const char *text, int64_t *ret);	   /* bytes: 100 64KiB 25MiB 4GiB */
bool units_parse_percent(const char *text, int64_t *ret);  /* 20% */
bool units_parse_rate(const char *text, int64_t *ret); /* per day: 10/s 600/min 5/h 50/d; 0: none */
bool units_parse_factor(const char *text, double *ret); /* 1.5 */
bool units_parse_flag(const char *text, bool *ret);	/* true false yes no */

void units_write_number(int64_t value, char out[UNITS_TEXT_SIZE]);
void units_write_duration(int64_t value_ms, char out[UNITS_TEXT_SIZE]);
void units_write_size(int64_t value_bytes, char out[UNITS_TEXT_SIZE]);
void units_write_percent(int64_t value, char out[UNITS_TEXT_SIZE]);
void units_write_rate(int64_t per_day, char out[UNITS_TEXT_SIZE]);
void units_write_factor(double value, char out[UNITS_TEXT_SIZE]);

#endif
