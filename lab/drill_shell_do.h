// SPDX-License-Identifier: BSD-2-Clause
/* What a shell text can mean. */
#ifndef LAB_DRILL_SHELL_DO_H
#define LAB_DRILL_SHELL_DO_H

enum {
	DRILL_SH_SYSCTL,   /* name, value */
	DRILL_SH_DEFAULTS, /* name: the file */
	DRILL_SH_MTU,
	DRILL_SH_ROUTE_MTU,
	DRILL_SH_ROUTE_ADVMSS,
	DRILL_SH_ROUTE_INITCWND,
	DRILL_SH_NSTAT_RESET,
	DRILL_SH_NSTAT_SHOW,
	DRILL_SH_NSTAT_GREP, /* name: the pattern */
	DRILL_SH_FILE,	     /* name, num bytes */
	DRILL_SH_SLEEP,	     /* num ns */
};

#endif
