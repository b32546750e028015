/* Settings texts that are put into the program by the assembler, so that what they say holds wherever it runs. A folder's list of them is
 * one table:
 *
 *   #define FILES(X) X(google) X(yahoo)
 *   #define TEXT(name) SHIPPED_TEXT(sites, LEVERET_SITES_DIR, name)
 *   #define ROW(name)  SHIPPED_ROW(sites, "built-in sites/", name)
 *   FILES(TEXT)
 *   const struct shipped_file sites[] = {FILES(ROW)};
 *
 * CMake says where the folder is, and that the object depends on its files. */
#ifndef LEVERET_LIB_CONF_SHIPPED_H
#define LEVERET_LIB_CONF_SHIPPED_H

struct shipped_file {
	const char *name; /* "google" */
	const char *file; /* as a person is told of it: "built-in sites/google.yaml" */
	const char *text;
};

#define SHIPPED_TEXT(kind, folder, name)                                                           \
	__asm__(".section .rodata\n.global shipped_" #kind "_" #name "\nshipped_" #kind "_" #name  \
		":\n.incbin \"" folder "/" #name ".yaml\"\n.byte 0\n.previous\n");                 \
	extern const char shipped_##kind##_##name[];
#define SHIPPED_ROW(kind, before, name) {#name, before #name ".yaml", shipped_##kind##_##name},

#endif
