/* The `tls_reports:` section: workers count by it, the bouncer sends. */
#ifndef LEVERET_LIB_TLSREPORT_SETTINGS_H
#define LEVERET_LIB_TLSREPORT_SETTINGS_H

#include "lib/conf/conf.h"

struct tls_report_settings {
#define X(field, type, ...) conf_##type field;
#include "lib/tlsreport/tls_reports.def"
#undef X
};
extern const struct conf_section tls_reports_section;

#endif
