/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every header of Aether stands on: the version, and how a function
 * becomes visible. Include <aether/aether.h>, which includes the rest in the
 * order of a first reading.
 *
 * Two numbers, two meanings: AETHER_VERSION is the library's, AETHER_FORMAT
 * (from the schema) is that of the bytes in a plane.
 */
#ifndef AETHER_API_H
#define AETHER_API_H

#include <stddef.h>
#include <stdint.h>
#include <aether/layout.h>

#define AETHER_VERSION_MAJOR 0
#define AETHER_VERSION_MINOR 1
#define AETHER_VERSION_PATCH 0
#define AETHER_VERSION \
	(AETHER_VERSION_MAJOR * 10000 + AETHER_VERSION_MINOR * 100 + \
	 AETHER_VERSION_PATCH)
#define AETHER_VERSION_TEXT "0.1.0"

#ifndef AETHER_API
#define AETHER_API __attribute__((visibility("default")))
#endif

/* A deadline that never passes; see clock.h for others. */
#define AETHER_FOREVER UINT64_MAX

#endif
