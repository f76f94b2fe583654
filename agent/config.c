/* SPDX-License-Identifier: MIT */
/* The configuration (jcard.toml): kept whole, never read by mote itself. */
#include "agent/measure.h"
#include "agent/services.h"

#include <string.h>

#define CONFIG_NAME "jcard.toml"
#define CONFIG_MODE 0644u

static int begin(size_t len, char **space)
{
    return store_begin(STORE_CONFIG, CONFIG_NAME, strlen(CONFIG_NAME), CONFIG_MODE, len, space);
}

/* The len bytes at space are the configuration from now on; measured as they are stored. */
static int commit(const char *space, size_t len)
{
    measure_config(space, len);
    int result = store_commit();

    if (result == MOTE_OK)
        measure_stored();
    return result;
}

bool config_set(const struct request *r)
{
    struct text content = r->payload->config.content;
    size_t len = text_length(content);
    char *space;

    if (!measure_has_room()) {
        out_str(r->error, "the TPM has not measured the configurations before: limit is ");
        out_u64(r->error, MEASURE_EVENTS_MAX);
        return true;
    }
    int result = begin(len, &space);
    if (result == MOTE_OK) {
        text_copy(content, space, len);
        result = commit(space, len);
    }
    if (result != MOTE_OK)
        out_str(r->error, store_fault().why);
    return true;
}

int config_load(const void *data, size_t len)
{
    char *space;
    int result = begin(len, &space);

    if (result != MOTE_OK)
        return result;
    memcpy(space, data, len);
    return commit(space, len);
}
