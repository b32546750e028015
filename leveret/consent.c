#include "leveret/consent.h"

#include <stdio.h>
#include <unistd.h>

bool consent_given(bool has_said_yes)
{
	char answer[8] = "";
	if (has_said_yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		(void)fprintf(stderr, "leveret: say --yes, or --dry-run first\n");
		return false;
	}
	(void)printf("Go on? [y/N] ");
	(void)fflush(stdout);
	return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}
