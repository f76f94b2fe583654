/* SPDX-License-Identifier: MIT */
/* The verbs for secrets. Values come from files or standard input and are never shown. */
#include "qemu/motectl/verbs.h"

#include <stdio.h>
#include <string.h>

#include "qemu/motectl/answer.h"
#include "qemu/motectl/content.h"
#include "qemu/motectl/exchange.h"
#include "qemu/motectl/tpm_seal.h"

/* A name that went out with the last request, or came as the last of an answer. */
struct name {
    char bytes[STEREOS_FIELD_MAX];
    size_t len;
};

/* Sends a value under the name on the command line; mode 0 is not sent. */
static enum status send_value(const struct call *call, const char *type, uint32_t mode)
{
    struct request r;
    const char *value;
    size_t len;
    enum status status = content_read(call->options->file, &value, &len);

    if (status != STATUS_OK)
        return status;
    request_start(&r, type);
    request_payload(&r);
    request_string(&r, "name", call->args[0], strlen(call->args[0]));
    request_string(&r, "value", value, len);
    content_wipe();
    if (mode != 0)
        request_number(&r, "mode", mode);
    return exchange_ack(call, &r);
}

enum status verb_secret_put(const struct call *call)
{
    const uint32_t given = call->options->given;

    if ((given & (OPTION_SEALED | OPTION_BLOB)) != 0)
        return secret_put_sealed(call);
    if ((given & (OPTION_CA | OPTION_EK)) != 0)
        return fail(STATUS_FAILED, "--ca and --ek are for --sealed");
    return send_value(call, "inject_secret", call->options->mode);
}

enum status verb_secret_rotate(const struct call *call)
{
    bool given = (call->options->given & OPTION_MODE) != 0;

    return send_value(call, "rotate_secret", given ? call->options->mode : 0);
}

enum status verb_secret_rm(const struct call *call)
{
    struct request r;

    request_start(&r, "delete_secret");
    request_payload(&r);
    request_string(&r, "name", call->args[0], strlen(call->args[0]));
    return exchange_ack(call, &r);
}

/* Whether b stands behind a in byte order. */
static bool is_behind(const struct name *a, const struct name *b)
{
    int order = memcmp(a->bytes, b->bytes, a->len < b->len ? a->len : b->len);

    return order < 0 || (order == 0 && a->len < b->len);
}

/* Takes the secrets of an answer; *last becomes the last name. A list that does not go on from
 * there might never end. */
static enum status take_secrets(struct secrets *secrets, struct name *last, bool print)
{
    char shown[STEREOS_FIELD_MAX + 1];
    struct secret secret;
    struct name name;
    enum status status;
    bool found;

    while ((status = answer_next_secret(secrets, &secret, &found)) == STATUS_OK && found) {
        name.len = text_copy(secret.name, name.bytes, sizeof(name.bytes));
        if (!is_behind(last, &name))
            return fail(STATUS_FAILED, "unexpected answer: names are not in order");
        *last = name;
        if (print)
            printf("%s: %u bytes, mode %03o\n", printable(secret.name, shown, sizeof(shown)),
                   secret.size, secret.mode);
    }
    return status;
}

/* Asks for the names behind last; *more says whether there are others behind those. */
static enum status list_part(const struct call *call, struct name *last, bool *more)
{
    struct request r;
    struct answer answer;
    struct secrets secrets;
    struct name before = *last;
    enum status status;

    request_start(&r, "list_secrets");
    if (last->len > 0) {
        request_payload(&r);
        request_string(&r, "after", last->bytes, last->len);
    }
    status = exchange(call, &r, &answer);
    if (status != STATUS_OK)
        return status;
    status = answer_secrets(answer.line, answer.len, &secrets);
    if (wants_json(call))
        print_line(answer.line, answer.len);
    if (status != STATUS_OK)
        return status;
    *more = secrets.more;
    status = take_secrets(&secrets, last, !wants_json(call));
    if (status == STATUS_OK && *more && !is_behind(&before, last))
        return fail(STATUS_FAILED, "unexpected answer: more secrets, but none of them");
    return status;
}

enum status verb_secret_list(const struct call *call)
{
    struct name last = {.len = 0};
    enum status status;
    bool more = false;

    do {
        status = list_part(call, &last, &more);
    } while (status == STATUS_OK && more);
    return status;
}

enum status verb_secret_purge(const struct call *call)
{
    struct request r;
    struct answer answer;
    struct purged purged;
    enum status status;

    request_start(&r, "purge_secrets");
    status = exchange(call, &r, &answer);
    if (status != STATUS_OK)
        return status;
    status = answer_purged(answer.line, answer.len, &purged);
    if (wants_json(call))
        print_line(answer.line, answer.len);
    else if (status == STATUS_OK)
        printf("%u secrets of %u bytes wiped\n", purged.secrets, purged.bytes);
    if (status == STATUS_OK && purged.residue != 0)
        return fail(STATUS_REFUSED, "%u bytes of secrets remain in the guest's memory",
                    purged.residue);
    return status;
}
