/* RFC 3339, and its form with a space. */
#include "ingest/http/instant.h"

#include <string.h>

#include "lib/base/clock.h"

#define TEXT_MAX 64
#define DATE_LEN 10 /* "2026-11-21" */

bool instant_parse(struct bytes text, int64_t *ret_wall_ms)
{
	uint8_t copy[TEXT_MAX];
	int64_t wall_ms = 0;
	if (text.len <= DATE_LEN || text.len > sizeof copy)
		return false;
	memcpy(copy, text.data, text.len);
	if (copy[DATE_LEN] == ' ')
		copy[DATE_LEN] = 'T';
	if (!clock_parse_rfc3339(bytes_from(copy, text.len), &wall_ms))
		return false;
	*ret_wall_ms = wall_ms;
	return true;
}
