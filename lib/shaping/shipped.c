/* The files of configs/shaping/, so that they are asked wherever the program runs. */
#include "lib/shaping/settings.h"

#define FILES(X)                                                                                   \
	X(google)                                                                                  \
	X(microsoft)                                                                               \
	X(yahoo)                                                                                   \
	X(apple)                                                                                   \
	X(comcast)                                                                                 \
	X(orange)                                                                                  \
	X(laposte)                                                                                 \
	X(gmx)                                                                                     \
	X(mailru)                                                                                  \
	X(qq)                                                                                      \
	X(netease)                                                                                 \
	X(proofpoint)                                                                              \
	X(mimecast)                                                                                \
	X(barracuda)                                                                               \
	X(general)

#define TEXT(name) SHIPPED_TEXT(shaping, LEVERET_SHAPING_DIR, name)
#define ROW(name)  SHIPPED_ROW(shaping, "", name)
FILES(TEXT)
const struct shipped_file shaping_files[] = {FILES(ROW)};
const size_t shaping_file_count = sizeof shaping_files / sizeof shaping_files[0];
