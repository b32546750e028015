/* Mending a mail, and where one that comes back goes. What was mended is without fault, and is not changed by mending it again. */
#include "ingest/inbound.h"
#include "ingest/repair.h"

#include <string.h>

#define LINE_MAX 78
#define KINDS	 (REPAIR_LONG_LINES | REPAIR_EIGHT_BIT)
#define ALL	 (KINDS | REPAIR_BINARY)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has_fault(struct bytes mail)
{
	struct repair_meter meter = {0};
	repair_measure(&meter, mail);
	return meter.longest > LINE_MAX || !bytes_is_ascii(mail);
}

static bool has_lone_line_end(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++)
		if ((b.data[i] == '\n' && (i == 0 || b.data[i - 1] != '\r')) ||
		    (b.data[i] == '\r' && (i + 1 == b.len || b.data[i + 1] != '\n')))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once, twice;
	struct why why;
	struct bytes mail = bytes_from(data, size);
	buf_init(&once, 4 << 20);
	buf_init(&twice, 4 << 20);
	if (repair_write(mail, KINDS, LINE_MAX, &once, &why) == OK) {
		struct bytes mended = buf_bytes(&once);
		if (has_fault(mended))
			__builtin_trap();
		if (!has_fault(mail) && !bytes_equal(mail, mended))
			__builtin_trap();
		if (repair_write(mended, KINDS, LINE_MAX, &twice, &why) != OK ||
		    !bytes_equal(mended, buf_bytes(&twice)))
			__builtin_trap();
	}
	buf_clear(&once);
	if (repair_write(mail, ALL, LINE_MAX, &once, &why) == OK) {
		struct bytes mended = buf_bytes(&once);
		if (has_fault(mended) || bytes_find(mended, '\0') >= 0 || has_lone_line_end(mended))
			__builtin_trap();
		buf_clear(&twice);
		if (repair_write(mended, ALL, LINE_MAX, &twice, &why) != OK ||
		    !bytes_equal(mended, buf_bytes(&twice)))
			__builtin_trap();
	}
	if (strlen(inbound_key(mail, size % 2 == 0, mail)) == 0)
		__builtin_trap();
	buf_done(&once);
	buf_done(&twice);
	return 0;
}
