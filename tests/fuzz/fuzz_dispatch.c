/* SPDX-License-Identifier: MIT */
/*
 * Lines of a host through the whole agent but for its loop, against a model of the store:
 * one bounded line of good JSON for each, and what was acknowledged can be read. A line
 * may begin with a byte that means something else than the line (see step()).
 */
#include "agent/job.h"
#include "agent/services.h"
#include "proto/base64.h"
#include "proto/utf8.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_endpoint.h"
#include "tests/unit/fake_engine.h"
#include "tests/unit/fake_platform.h"

#include <bearssl.h>

/* Their static state is reset between inputs, or looked at. */
/* clang-format off */
#define find find_agent
#include "agent/health.c"
#undef find
#include "agent/lifecycle.c"
#include "platform/bare/store.c"
#include "agent/client.c"
/* clang-format on */

#define SECRET_VALUE "~hunter2~correct~horse~battery~"

struct blob {
    enum store_kind kind;
    char name[STORE_NAME_MAX];
    size_t name_len, size;
    char *data;
};

static struct blob model[STORE_ENTRIES];
static size_t model_count;

/* What the host answers to those that dial it, and what the TPM gives. */
static char said[4096];
static size_t said_len;

/* As much of it as the TPM gives at once, beside the values of all PCRs. */
static size_t given_len(void)
{
    return said_len < 200 ? said_len : 200;
}

struct ack {
    struct text reply_to, error;
    bool ok;
};

static const struct json_field ack_fields[] = {
    {"reply_to", JSON_STRING, offsetof(struct ack, reply_to), STEREOS_TYPE_MAX, "string"},
    {"ok", JSON_BOOL, offsetof(struct ack, ok), 0, "bool"},
    {"error", JSON_STRING, offsetof(struct ack, error), STEREOS_ERROR_MAX, "string"},
};
static const struct json_struct ack_layout = {"fuzz.Ack", ack_fields, COUNT(ack_fields)};

/* The model's entry of this name; a new one when there is none. */
static struct blob *entry_of(enum store_kind kind, const char *name, size_t n)
{
    size_t i = 0;

    while (i < model_count &&
           (model[i].kind != kind || model[i].name_len != n || memcmp(model[i].name, name, n) != 0))
        i++;
    CHECK(i < STORE_ENTRIES && n != 0 && n <= STORE_NAME_MAX);
    model_count += i == model_count;
    model[i].kind = kind;
    memcpy(model[i].name, name, n);
    model[i].name_len = n;
    return &model[i];
}

static void remember(enum store_kind kind, struct text name, struct text value)
{
    char bytes[STORE_NAME_MAX];
    struct blob *b = entry_of(kind, bytes, text_copy(name, bytes, sizeof bytes));

    free(b->data);
    b->size = text_length(value);
    b->data = exact(NULL, b->size + 1);
    text_copy(value, b->data, b->size);
    if (kind != STORE_SSH_KEY)
        return;
    while (b->size != 0 && b->data[b->size - 1] == '\n')
        b->size--;
    b->data[b->size++] = '\n';
}

/* What the TPM gave is the secret or, of one that came with a value, its key. */
static void remember_sealed(const struct mote_tpm *p)
{
    static const uint8_t nonce[12];
    char name[STORE_NAME_MAX], tag[16];
    size_t name_len = text_copy(p->name, name, sizeof name);
    struct blob *b = entry_of(STORE_SECRET, name, name_len);
    struct base64_decoder d = {0};

    free(b->data);
    b->size = p->value.json != NULL ? text_length(p->value) : given_len();
    b->data = exact(NULL, b->size + 1);
    if (p->value.json == NULL) {
        memcpy(b->data, said, b->size);
        return;
    }
    text_copy(p->value, b->data, b->size);
    b->size = (size_t)base64_decode(&d, b->data, b->size, b->data) - sizeof tag;
    CHECK(said_len == 32);
    br_poly1305_ctmul_run(said, nonce, b->data, b->size, name, name_len, tag, br_chacha20_ct_run,
                          0);
    CHECK(memcmp(tag, b->data + b->size, sizeof tag) == 0);
}

static void forget(size_t i)
{
    free(model[i].data);
    model[i] = model[--model_count];
    memset(&model[model_count], 0, sizeof model[0]);
}

static void forget_secrets(void)
{
    for (size_t i = model_count; i-- > 0;)
        if (model[i].kind == STORE_SECRET)
            forget(i);
}

/* A secret that there must have been. */
static size_t known_secret(struct text name)
{
    char bytes[STORE_NAME_MAX];
    size_t before = model_count;
    const struct blob *b = entry_of(STORE_SECRET, bytes, text_copy(name, bytes, sizeof bytes));

    CHECK(model_count == before);
    return (size_t)(b - model);
}

static bool contains(const struct out *reply, const char *text)
{
    return memmem(reply->base, reply->len, text, strlen(text)) != NULL;
}

/* A list of all secrets has as many as there are, in any number of bytes but none of a value. */
static void check_list(const struct out *reply, struct text after)
{
    static const char key[] = ",\"mode\":"; /* within a name its quotes would be escaped */
    size_t listed = 0, secrets = 0;

    for (const char *at = reply->base, *end = at + reply->len;
         (at = memmem(at, (size_t)(end - at), key, strlen(key))) != NULL; at++)
        listed++;
    for (size_t i = 0; i < model_count; i++)
        secrets += model[i].kind == STORE_SECRET;
    CHECK(listed <= secrets);
    CHECK(text_length(after) != 0 || listed == secrets ||
          (contains(reply, "],\"more\":true}}") && listed > 0));
}

static void check_store(void)
{
    size_t sum = 0;

    for (size_t i = 0; i < model_count; i++) {
        const struct blob *b = &model[i];
        struct store_blob found;
        CHECK(store_get(b->kind, b->name, b->name_len, &found) == MOTE_OK);
        CHECK(found.size == b->size && memcmp(found.data, b->data, b->size) == 0);
        CHECK(found.mode <= 0777);
        sum += b->name_len + b->size;
    }
    CHECK(used == sum && store_residue() == 0);
    for (size_t i = sum; i < STORE_SIZE; i++)
        CHECK(arena[i] == 0); /* what left the store was wiped */
}

/* The line was acted on and acknowledged: the model follows. */
static void follow(const char *line, size_t len)
{
    static const struct text config_name = {"jcard.toml", 10};
    char text[STEREOS_ERROR_ROOM];
    struct out error = out_to(text, sizeof text);
    struct stereos_envelope e;
    union payload p;

    CHECK(stereos_read_envelope(line, len, &e, &error));
    if (text_equals(e.type, "set_config")) {
        CHECK(stereos_read_payload(&e, "", &stereos_config_payload, &p, sizeof p, &error));
        remember(STORE_CONFIG, config_name, p.config.content);
    } else if (text_equals(e.type, "inject_secret")) {
        CHECK(stereos_read_payload(&e, "", &stereos_secret_payload, &p, sizeof p, &error));
        remember(STORE_SECRET, p.secret.name, p.secret.value);
    } else if (text_equals(e.type, "inject_ssh_key")) {
        CHECK(stereos_read_payload(&e, "", &stereos_ssh_key_payload, &p, sizeof p, &error));
        remember(STORE_SSH_KEY, p.ssh_key.user, p.ssh_key.public_key);
    } else if (text_equals(e.type, "rotate_secret")) {
        CHECK(stereos_read_payload(&e, "", &stereos_secret_payload, &p, sizeof p, &error));
        known_secret(p.secret.name);
        remember(STORE_SECRET, p.secret.name, p.secret.value);
    } else if (text_equals(e.type, "delete_secret")) {
        CHECK(stereos_read_payload(&e, "", &mote_name_payload, &p, sizeof p, &error));
        forget(known_secret(p.name.name));
    } else if (text_equals(e.type, "inject_sealed_secret")) {
        CHECK(stereos_read_payload(&e, "", &mote_sealed_secret_payload, &p, sizeof p, &error));
        remember_sealed(&p.tpm);
    } else if (!text_equals(e.type, "pcr_extend")) {
        CHECK(text_equals(e.type, "shutdown")); /* nothing else is ever acknowledged */
        CHECK(lifecycle_state() == LIFECYCLE_SHUTDOWN);
    }
}

/* Answers that are not called as what they answer. */
static const struct {
    const char *request, *answer;
} own_names[] = {
    {"ping", "pong"},   {"get_health", "health"}, {"pcr_read", "pcrs"},
    {"seal", "sealed"}, {"unseal", "unsealed"},   {"activate_credential", "credential"},
};

static bool is_answer_to(struct text type, struct text request)
{
    for (size_t i = 0; i < COUNT(own_names); i++)
        if (text_equals(request, own_names[i].request))
            return text_equals(type, own_names[i].answer);
    return text_equals(request, "tpm_info") || text_equals(request, "ek") ||
           text_equals(request, "aik") || text_equals(request, "quote") ||
           text_equals(request, "random");
}

/* The line has an answer of its own: what it must say, and what the model follows. */
static void check_own(const char *line, size_t len, const struct out *reply, struct text type)
{
    char text[STEREOS_ERROR_ROOM];
    struct out error = out_to(text, sizeof text);
    struct stereos_envelope e;
    union payload p = {0};

    CHECK(stereos_read_envelope(line, len, &e, &error));
    if (text_equals(e.type, "purge_secrets")) {
        CHECK(text_equals(type, "purged"));
        CHECK(contains(reply, "\"residue\":0}}"));
        forget_secrets();
    } else if (text_equals(e.type, "list_secrets")) {
        CHECK(text_equals(type, "secrets"));
        CHECK(e.payload.json == NULL ||
              stereos_read_payload(&e, "", &mote_list_payload, &p, sizeof p, &error));
        check_list(reply, p.list.after);
    } else if (text_equals(e.type, "capabilities")) {
        CHECK(text_equals(type, "capabilities"));
    } else if (text_equals(type, "job")) {
        CHECK(text_equals(e.type, "job") || text_equals(e.type, "hostos") ||
              text_equals(e.type, "vcom") || text_equals(e.type, "transfer"));
    } else {
        CHECK(is_answer_to(type, e.type));
    }
}

/* The one line that a reply is: its envelope. */
static void read_reply(const struct out *reply, struct stereos_envelope *e)
{
    char text[STEREOS_ERROR_ROOM];
    struct out error = out_to(text, sizeof text);
    uint32_t rune;

    CHECK(!reply->overflow && reply->len != 0);
    CHECK(memchr(reply->base, '\n', reply->len) == reply->base + reply->len - 1);
    for (size_t at = 0, n; at < reply->len; at += n) {
        n = utf8_decode(reply->base + at, reply->len - at, &rune);
        CHECK(n != 1 || rune != UTF8_REPLACEMENT);
    }
    CHECK(stereos_read_envelope(reply->base, reply->len - 1, e, &error));
}

/* Returns whether an ack says ok. */
static bool check_ack(const struct stereos_envelope *e)
{
    char text[STEREOS_ERROR_ROOM];
    struct out error = out_to(text, sizeof text);
    struct ack ack = {0};

    CHECK(text_equals(e->type, "ack"));
    CHECK(e->payload.json != NULL &&
          json_read(e->payload.json, e->payload.len, &ack_layout, &ack, &error));
    CHECK(ack.ok == (text_length(ack.error) == 0));
    return ack.ok;
}

static bool shows_secret(const char *bytes, size_t len)
{
    return memmem(bytes, len, SECRET_VALUE, strlen(SECRET_VALUE)) != NULL;
}

static void tell_client(enum endpoint_event_type type, int conn)
{
    if (fake_connections[conn].is == FAKE_OPEN)
        client_event(&(struct endpoint_event){.type = type, .conn = conn, .error = MOTE_ERR_RESET});
}

/* Every connection of the guest's is up, and the host answers on it and is done. */
static void answer_clients(void)
{
    for (int i = 0; i < FAKE_CONNECTIONS; i++) {
        if (fake_connections[i].is != FAKE_OPEN)
            continue;
        tell_client(ENDPOINT_CONNECTED, i);
        fake_endpoint_receive(i, said, said_len);
        tell_client(ENDPOINT_DATA, i);
        tell_client(ENDPOINT_CLOSED, i);
    }
}

/* The TPM gives what is said, as all that an operation can have; of nothing it says no. */
static void answer_tpm(void)
{
    static const struct tpm_facts facts = {"FUZZ",           "<&>", {1, 2}, 164,
                                           {TPM_ALG_SHA256}, true,  3,      4};
    static char values[TPM2_PCRS * TPM2_DIGEST_MAX];
    struct tpm_op *op = &fake_engine.op;
    struct bytes given = {said, given_len()}, a = given;
    struct bytes c = {values, sizeof values};

    if (op->recipe == NULL)
        return;
    op->key[0].public_len = (uint16_t)said_len % TPM2_PUBLIC_MAX;
    if (op->recipe == &tpm_recipe_info)
        a = (struct bytes){(const char *)&facts, sizeof facts};
    else if (op->recipe == &tpm_recipe_pcr_read)
        a = c;
    if (op->recipe != &tpm_recipe_quote)
        c.n = 0;
    op->used = 0; /* the most that there is room for */
    if (said_len == 0)
        fake_engine_fail(TPM_REFUSED, "tpm: no");
    else
        fake_engine_done(a, given, c, op->in.pcrs.pcrs);
}

/* An answer comes, at the latest when a host's patience is at its end. */
static void ask(const char *line, size_t len, struct out *reply)
{
    if (dispatch_line(0, line, len, reply))
        return;
    answer_tpm();
    answer_clients();
    if (dispatch_line(0, line, len, reply))
        return;
    fake_now += JOB_ANSWER_NS;
    client_tick(fake_now);
    CHECK(dispatch_line(0, line, len, reply));
}

/* The model has no files: none is left of those that a transfer made, and none is half made. */
static void drop_files(void)
{
    struct store_name name;

    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (clients[i].protocol != NULL && strcmp(clients[i].protocol->peer, "bandsox") == 0)
            client_free(&clients[i]);
    while (store_next(STORE_FILE, "", 0, &name) == MOTE_OK)
        CHECK(store_delete(STORE_FILE, name.name, name.len) == MOTE_OK);
}

static void dispatch(const char *line, size_t len, bool secret)
{
    struct out reply = out_to(exact(NULL, STEREOS_REPLY_MAX), STEREOS_REPLY_MAX);
    char *copy = exact(line, len);
    struct stereos_envelope e;

    ask(copy, len, &reply);
    drop_files();
    read_reply(&reply, &e);
    if (!text_equals(e.type, "ack"))
        check_own(copy, len, &reply, e.type);
    else if (check_ack(&e))
        follow(copy, len);
    CHECK(!secret || !shows_secret(reply.base, reply.len));
    check_store();
    free(copy);
    free(reply.base);
}

static void refuse(const char *start, size_t len)
{
    struct out reply = out_to(exact(NULL, STEREOS_REPLY_MAX), STEREOS_REPLY_MAX);
    char *copy = exact(start, len);
    struct stereos_envelope e;

    dispatch_refuse(copy, len, "line too long", UINT64_MAX, " bytes", &reply);
    read_reply(&reply, &e);
    CHECK(!check_ack(&e));
    free(copy);
    free(reply.base);
}

/* A secret with a known value between two parts of the line: no error may show it. */
static void inject(const char *parts, size_t len)
{
    const char *gap = memchr(parts, 2, len), *end = parts + len;
    char *line = exact(NULL, len + 256);
    struct out o = out_to(line, len + 256);

    gap = gap != NULL ? gap : end;
    out_str(&o, "{\"type\":\"inject_secret\",\"payload\":{");
    out_bytes(&o, parts, (size_t)(gap - parts));
    out_str(&o, "\"value\":\"" SECRET_VALUE "\"");
    out_bytes(&o, gap, (size_t)(end - gap));
    out_str(&o, "}}");
    dispatch(line, o.len, !shows_secret(parts, len));
    free(line);
}

/* Until it says something else; a line's end can only be written as another byte. */
static void say(const char *text, size_t len)
{
    said_len = len < sizeof said ? len : sizeof said;
    for (size_t i = 0; i < said_len; i++)
        said[i] = (char)(text[i] == 6 ? '\n' : text[i]);
}

static void step(const char *line, size_t len)
{
    static const char *const names[] = {"a", "b", "\"<\xff>\"", "c", "d", "one too many"};

    if (len != 0 && line[0] == 1)
        inject(line + 1, len - 1);
    else if (len != 0 && line[0] == 3)
        refuse(line + 1, len - 1);
    else if (len != 0 && line[0] == 5)
        say(line + 1, len - 1);
    else if (len > 2 && line[0] == 4)
        health_report(names[(uint8_t)line[1] % COUNT(names)], (line[2] & 1) != 0,
                      (line[2] & 4) != 0 ? "session" : NULL,
                      (line[2] & 2) != 0 ? "it \x01 broke" : NULL);
    else
        dispatch(line, len, false);
}

static void reset(void)
{
    store_wipe();
    current = LIFECYCLE_BOOTING;
    agent_count = 0;
    troubled = false;
    said_len = 0;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (clients[i].protocol != NULL)
            client_free(&clients[i]);
    newest_id = 0;
    fake_endpoint_reset();
    fake_engine_reset();
    fake_engine.interface = "fuzz";
    for (size_t i = 0; i < STORE_ENTRIES; i++)
        free(model[i].data);
    memset(model, 0, sizeof model);
    model_count = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    reset();
    fake_now = (uint64_t)take32(&in) << 32;
    while (in.left != 0) {
        const uint8_t *newline = memchr(in.at, '\n', in.left);
        size_t n = newline != NULL ? (size_t)(newline - in.at) : in.left;
        step((const char *)in.at, n);
        n += newline != NULL;
        in.at += n;
        in.left -= n;
    }
    reset();
    return 0;
}
