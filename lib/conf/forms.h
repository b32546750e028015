/* Forms that a setting's text must have: host names, endpoints, networks. Pure functions on text. */
#ifndef LEVERET_LIB_CONF_FORMS_H
#define LEVERET_LIB_CONF_FORMS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/conf/conf.h"

bool form_is_hostname(const char *text);   /* letters, digits and hyphens in labels of 1 to 63 */
bool form_is_endpoint(const char *text);   /* IPv4:port, [IPv6]:port, hostname:port */
bool form_is_entry_name(const char *text); /* of a map: letters, digits, '-', '_', 1 to 63 */

/* "10.0.0.0/8", "fd00::/8", or one address; bits beyond the prefix must be 0. A v4-mapped network becomes its v4 one. */
bool form_parse_cidr(const char *text, struct conf_cidr *ret);
#define FORM_CIDR_SIZE 64
void form_write_cidr(const struct conf_cidr *cidr, char out[FORM_CIDR_SIZE]);

#endif
