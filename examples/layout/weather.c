/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plane of a layout of one's own (weather.capnp): one side acquires a
 * guarded region, writes it and signals its epoch; the other finds it by name
 * and reads. Usually they are two processes; here both sit in one.
 */
#include <aether/aether.h>
#include <stdio.h>

struct station { /* 64 bytes, as the layout says of its region */
	char name[32];
	double celsius;
	double hectopascal;
	char reserved[16];
};

static int fail(const struct aether_error *error)
{
	fprintf(stderr, "weather: %s\n", error->text);
	return 1;
}

/* What was built with the layout has its offsets as constants. */
static int measure(struct aether_participant *me)
{
	unsigned char *base = aether_plane_base(aether_participant_plane(me));
	struct station *stations = (void *)(base +
					    AETHER_WEATHER_OFFSET_STATIONS);
	int err = aether_guard_acquire(me, AETHER_WEATHER_GUARD_STATIONS);

	if (err < 0)
		return err; /* not in that role, or another one writes */
	snprintf(stations[7].name, sizeof(stations[7].name), "Zugspitze");
	stations[7].celsius = -4.5;
	stations[7].hectopascal = 704.25;
	aether_guard_signal(me, AETHER_WEATHER_GUARD_STATIONS);
	return aether_guard_release(me, AETHER_WEATHER_GUARD_STATIONS);
}

/* What was not, such as a tool for every layout, looks them up. */
static int look(const struct aether_plane *plane)
{
	const unsigned char *base = aether_plane_base(plane);
	const struct aether_layout_region *region;
	const struct aether_layout *layout;
	const struct station *stations;
	struct aether_plane_info info;
	uint32_t measured;

	aether_plane_look(plane, &info);
	layout = aether_layout_get(info.geometry.layout);
	region = layout ? aether_layout_find_region(layout, "stations") : NULL;
	if (!region || aether_epoch_load(plane, AETHER_WEATHER_IDX_STATIONS,
					 &measured) < 0)
		return 1;
	stations = (const void *)(base + region->offset);
	printf("layout %s: region %s of %llu bytes, measured %u times\n",
	       layout->name, region->name, (unsigned long long)region->size,
	       measured);
	printf("%s: %.1f C, %.2f hPa\n", stations[7].name, stations[7].celsius,
	       stations[7].hectopascal);
	return 0;
}

int main(void)
{
	const struct aether_plane_options options = { .layout = "weather" };
	const struct aether_participant_options writer = {
		.role = AETHER_ROLE_INGRESS /* may write the stations */
	};
	struct aether_plane *mine, *yours;
	struct aether_participant *me;
	struct aether_error error = { 0 };
	int err;

	if (aether_plane_create("weather", &options, &error, &mine) < 0)
		return fail(&error);
	err = aether_participant_join(mine, &writer, &error, &me);
	if (err < 0)
		return fail(&error);
	err = measure(me);
	aether_participant_leave(me);
	if (!err && !aether_plane_attach("weather", AETHER_ATTACH_OBSERVE,
					 &error, &yours)) {
		err = look(yours);
		aether_plane_detach(yours);
	}
	aether_plane_detach(mine);
	return aether_plane_destroy("weather", &error) < 0 || err;
}
