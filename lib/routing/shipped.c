/* The files of configs/sites/, put into the program by the assembler, so that large providers are known wherever it runs. The first
 * whose patterns match is taken, so what is in front of others' mail needs no special place. */
#include "lib/routing/shipped.h"

#include <string.h>

#define FILES(X)                                                                                   \
	X(google)                                                                                  \
	X(microsoft)                                                                               \
	X(microsoft365)                                                                            \
	X(yahoo)                                                                                   \
	X(yahoojp)                                                                                 \
	X(apple)                                                                                   \
	X(comcast)                                                                                 \
	X(gmx)                                                                                     \
	X(ionos)                                                                                   \
	X(mailru)                                                                                  \
	X(yandex)                                                                                  \
	X(qq)                                                                                      \
	X(netease)                                                                                 \
	X(naver)                                                                                   \
	X(orange)                                                                                  \
	X(free)                                                                                    \
	X(sfr)                                                                                     \
	X(laposte)                                                                                 \
	X(tonline)                                                                                 \
	X(libero)                                                                                  \
	X(seznam)                                                                                  \
	X(proofpoint)                                                                              \
	X(mimecast)                                                                                \
	X(barracuda)                                                                               \
	X(cisco)                                                                                   \
	X(messagelabs)                                                                             \
	X(zoho)                                                                                    \
	X(fastmail)                                                                                \
	X(proton)                                                                                  \
	X(rackspace)                                                                               \
	X(godaddy)                                                                                 \
	X(ovh)                                                                                     \
	X(cloudflare)                                                                              \
	X(amazon)

#define SHIP(name)                                                                                 \
	__asm__(".section .rodata\n.global site_" #name "\nsite_" #name                            \
		":\n.incbin \"" LEVERET_SITES_DIR "/" #name ".yaml\"\n.byte 0\n.previous\n");      \
	extern const char site_##name[];
FILES(SHIP)

#define ROW(name) {#name, "built-in sites/" #name ".yaml", site_##name},
const struct shipped_site shipped_sites[] = {FILES(ROW)};
const size_t shipped_site_count = sizeof shipped_sites / sizeof shipped_sites[0];
#undef ROW

bool shipped_site_is(const char *name)
{
	for (size_t i = 0; i < shipped_site_count; i++)
		if (strcmp(shipped_sites[i].name, name) == 0)
			return true;
	return false;
}
