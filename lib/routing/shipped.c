/* The files of configs/sites/, so that large providers are known wherever the program runs. The first
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

#define TEXT(name) SHIPPED_TEXT(sites, LEVERET_SITES_DIR, name)
#define ROW(name)  SHIPPED_ROW(sites, "built-in sites/", name)
FILES(TEXT)
const struct shipped_file shipped_sites[] = {FILES(ROW)};
const size_t shipped_site_count = sizeof shipped_sites / sizeof shipped_sites[0];

bool shipped_site_is(const char *name)
{
	for (size_t i = 0; i < shipped_site_count; i++)
		if (strcmp(shipped_sites[i].name, name) == 0)
			return true;
	return false;
}
