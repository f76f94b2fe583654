/* SPDX-License-Identifier: MIT */
/* What this guest understands, and the limits that its host can meet. */
#include "agent/health.h"
#include "agent/job.h"
#include "agent/services.h"
#include "agent/session.h"
#include "platform/platform.h"
#include "proto/tpm2.h"

static const struct mote_limit limits[] = {
    {"line", SESSION_LINE_MAX},
    {"line_seconds", SESSION_LINE_TIMEOUT_S},
    {"connections", ENDPOINT_CONNECTIONS},
    {"store", STORE_SIZE},
    {"names", STORE_ENTRIES},
    {"field", STEREOS_FIELD_MAX},
    {"path", STEREOS_PATH_MAX},
    {"type", STEREOS_TYPE_MAX},
    {"error", STEREOS_ERROR_MAX},
    {"depth", JSON_DEPTH_MAX},
    {"values", JSON_TOKENS_MAX},
    {"agents", HEALTH_AGENTS_MAX},
    {"jobs", CLIENTS_MAX},
    {"job_data", JOB_DATA_MAX},
    {"nonce", TPM2_DIGEST_MAX},
    {"random", MOTE_RANDOM_MAX},
    {"sealed", TPM2_SEALED_MAX},
};

bool capabilities_request(const struct request *r)
{
    static const struct mote_capabilities capabilities = {
        .version = MOTE_VERSION,
        .platform = platform_name,
        .message = dispatch_type,
        .limits = limits,
        .limit_count = sizeof limits / sizeof limits[0],
    };

    mote_write_capabilities(r->reply, &capabilities);
    return true;
}
