/* How the text of settings is written for others: as a YAML scalar, as a JSON string, without the passwords in its URLs. */
#ifndef LEVERET_LIB_CONF_TEXT_H
#define LEVERET_LIB_CONF_TEXT_H

#include <stdio.h>

/* Plain where a YAML reader must take it for this very text, else in double quotes. */
void text_write_yaml(const char *text, FILE *out);
/* With its quotes. Bytes that are not UTF-8 are replaced. */
void text_write_json(const char *text, FILE *out);
/* Inside a cell of a Markdown table. */
void text_write_cell(const char *text, FILE *out);
/* Replaces the password of each scheme://user:password@host in place by as many stars. */
void text_hide_passwords(char *text);

#endif
