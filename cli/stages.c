/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
int cli_ingress(int c, char **v) { (void)c; (void)v; return 1; }
int cli_appliance(int c, char **v) { (void)c; (void)v; return 1; }
int cli_egress(int c, char **v) { (void)c; (void)v; return 1; }
