/* What the enhanced codes mean, as PowerMTA writes them behind the code. */
#include <string.h>

#include "bouncer/telling/accounting_inner.h"

/* What RFC 3463 and its registry say of the last two numbers. */
const char *status_meaning(struct bytes status)
{
	static const struct {
		const char *code, *text;
	} meanings[] = {
		{".0.0", "undefined status"},
		{".1.0", "other address status"},
		{".1.1", "bad destination mailbox address"},
		{".1.2", "bad destination system address"},
		{".1.3", "bad destination mailbox address syntax"},
		{".1.6", "destination mailbox has moved"},
		{".1.8", "bad sender's system address"},
		{".1.10", "recipient address has null MX"},
		{".2.0", "other or undefined mailbox status"},
		{".2.1", "mailbox disabled"},
		{".2.2", "mailbox full"},
		{".2.3", "message length exceeds administrative limit"},
		{".3.0", "other or undefined mail system status"},
		{".3.2", "system not accepting network messages"},
		{".3.4", "message too big for system"},
		{".4.0", "other or undefined network or routing status"},
		{".4.1", "no answer from host"},
		{".4.2", "bad connection"},
		{".4.4", "unable to route"},
		{".4.6", "routing loop detected"},
		{".4.7", "delivery time expired"},
		{".5.0", "other or undefined protocol status"},
		{".5.3", "too many recipients"},
		{".6.0", "other or undefined media error"},
		{".7.0", "other or undefined security status"},
		{".7.1", "delivery not authorized"},
	};
	for (size_t i = 0; status.len > 1 && i < sizeof meanings / sizeof meanings[0]; i++)
		if (bytes_is(bytes_skip(status, 1), meanings[i].code))
			return meanings[i].text;
	return NULL;
}
