/* SPDX-License-Identifier: MIT */
#include "agent/job_strings.h"

#include "agent/job.h"
#include "proto/base64.h"

#include <string.h>

static char texts[JOB_DATA_MAX];
static size_t used; /* bytes at texts */

/* Turns base64 into what it stands for, in its place. */
static bool decode(struct bytes *b, const char *key, struct out *error)
{
    struct base64_decoder d = {0};
    long n = base64_decode(&d, b->at, b->n, texts + (b->at - texts));

    if (n >= 0 && base64_end(&d)) {
        b->n = (size_t)n;
        return true;
    }
    out_str(error, key);
    out_str(error, ": illegal base64 data at input byte ");
    out_u64(error, d.at);
    return false;
}

static bool read_string(const struct job_string *s, const void *payload, void *request,
                        struct out *error)
{
    const struct text *from = (const void *)((const char *)payload + s->from);
    struct bytes *to = (void *)((char *)request + s->to);
    struct out o = out_to(texts + used, sizeof texts - used);

    out_text(&o, *from);
    used += o.len;
    if (o.overflow) {
        out_str(error, s->key);
        out_str(error, " too long: limit is ");
        out_u64(error, sizeof texts);
        out_str(error, " bytes for all strings");
        return false;
    }
    *to = (struct bytes){o.base, o.len};
    return !s->base64 || decode(to, s->key, error);
}

bool job_read_strings(const struct job_string *strings, size_t n, const void *payload,
                      void *request, struct out *error)
{
    for (size_t i = 0; i < n; i++)
        if (!read_string(&strings[i], payload, request, error))
            return false;
    return true;
}

void job_wipe_strings(void)
{
    explicit_bzero(texts, used);
    used = 0;
}

struct bytes job_read_name(struct text t, char name[STEREOS_TYPE_MAX])
{
    return (struct bytes){name, text_copy(t, name, STEREOS_TYPE_MAX)};
}

void job_refuse_name(const char *what, struct text name, struct out *error)
{
    out_str(error, "unknown ");
    out_str(error, what);
    out_str(error, ": ");
    out_text(error, name);
}
