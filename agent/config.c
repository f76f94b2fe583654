/* SPDX-License-Identifier: MIT */
/* The configuration (jcard.toml): kept whole, never read by mote itself. */
#include "agent/services.h"

#include <string.h>

#define CONFIG_NAME "jcard.toml"
#define CONFIG_MODE 0644u

void config_set(const union stereos_payload *p, struct out *error)
{
    size_t len = text_length(p->config.content);
    char *space;

    if (store_begin(STORE_CONFIG, CONFIG_NAME, strlen(CONFIG_NAME), CONFIG_MODE, len, &space) !=
        MOTE_OK) {
        out_str(error, "write " CONFIG_NAME ": ");
        write_store_error(error, len);
        return;
    }
    text_copy(p->config.content, space, len);
    store_commit();
}

int config_load(const void *data, size_t len)
{
    char *space;
    int result =
        store_begin(STORE_CONFIG, CONFIG_NAME, strlen(CONFIG_NAME), CONFIG_MODE, len, &space);

    if (result != MOTE_OK)
        return result;
    memcpy(space, data, len);
    store_commit();
    return MOTE_OK;
}

void write_store_error(struct out *error, size_t wanted)
{
    out_str(error, "store full: ");
    out_u64(error, wanted);
    out_str(error, " bytes wanted, ");
    out_u64(error, store_free());
    out_str(error, " free; limit is ");
    out_u64(error, STORE_SIZE);
    out_str(error, " bytes and ");
    out_u64(error, STORE_ENTRIES);
    out_str(error, " names");
}
