/* The files of configs/shaping/, put into the program by the assembler, so that they are asked wherever it runs. */
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

#define SHIP(name)                                                                                 \
	__asm__(".section .rodata\n.global shaping_" #name "\nshaping_" #name                      \
		":\n.incbin \"" LEVERET_SHAPING_DIR "/" #name ".yaml\"\n.byte 0\n.previous\n");    \
	extern const char shaping_##name[];
FILES(SHIP)

#define ROW(name) {#name ".yaml", shaping_##name},
const struct shaping_file shaping_files[] = {FILES(ROW)};
const size_t shaping_file_count = sizeof shaping_files / sizeof shaping_files[0];
