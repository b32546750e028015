/* Letters, digits and white space of ASCII, whatever the locale says. A byte or a char of either sign may be asked about. */
#ifndef LEVERET_LIB_BASE_ASCII_H
#define LEVERET_LIB_BASE_ASCII_H

#include <stdbool.h>
#include <stdint.h>

static inline bool ascii_is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static inline bool ascii_is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool ascii_is_letter_or_digit(int c)
{
	return ascii_is_letter(c) || ascii_is_digit(c);
}

static inline bool ascii_is_blank(int c)
{
	return c == ' ' || c == '\t';
}

static inline bool ascii_is_white(int c) /* folds and ends of lines included */
{
	return ascii_is_blank(c) || c == '\r' || c == '\n';
}

static inline uint8_t ascii_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static inline void ascii_lower_text(char *text)
{
	for (; *text; text++)
		*text = (char)ascii_lower((uint8_t)*text);
}

#endif
