/* SPDX-License-Identifier: MIT */
#include "agent/workload_config.h"

/* What a name may hold: it stands in front of lines of the console, and in JSON. */
static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           memchr("._+@-", c, 5) != NULL;
}

static bool set_name(struct workload_config *c, const char *value)
{
    size_t n = strlen(value);

    if (n == 0 || n > HEALTH_NAME_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_name_byte(value[i]))
            return false;
    memcpy(c->name, value, n + 1);
    c->named = true;
    return true;
}

static bool set_dir(struct workload_config *c, const char *value)
{
    c->dir = value;
    return *value == '/';
}

static bool set_user(struct workload_config *c, const char *value)
{
    c->user = value;
    return *value != '\0';
}

static bool add_env(struct workload_config *c, const char *value)
{
    size_t n = 0;

    if (*value == '=' || strchr(value, '=') == NULL)
        return false;
    while (c->env[n] != NULL)
        n++;
    c->env[n] = value; /* there are no more of them than words */
    return true;
}

/* The index of value among the names (n of them); -1: it is none. */
static int find_choice(const char *value, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(value, names[i]) == 0)
            return i;
    return -1;
}

static bool set_restart(struct workload_config *c, const char *value)
{
    static const char *const names[] = {"no", "on-failure", "always"};
    int i = find_choice(value, names, 3);

    c->restart = i < 0 ? WORKLOAD_RESTART_NO : (enum workload_restart)i;
    return i >= 0;
}

static bool set_output(struct workload_config *c, const char *value)
{
    static const char *const names[] = {"console", "ring"};
    int i = find_choice(value, names, 2);

    c->output = i < 0 ? WORKLOAD_CONSOLE : (enum workload_sink)i;
    return i >= 0;
}

static bool set_exit(struct workload_config *c, const char *value)
{
    static const char *const names[] = {"no", "yes"};
    int i = find_choice(value, names, 2);

    c->exit = i == 1;
    return i >= 0;
}

bool workload_number(const char *s, uint32_t *value)
{
    bool any = *s != '\0';

    for (*value = 0; *s >= '0' && *s <= '9' && *value <= WORKLOAD_NUMBER_MAX; s++)
        *value = *value * 10 + (uint32_t)(*s - '0');
    return any && *s == '\0' && *value <= WORKLOAD_NUMBER_MAX;
}

static bool set_budget(struct workload_config *c, const char *value)
{
    return workload_number(value, &c->budget);
}

static bool set_window(struct workload_config *c, const char *value)
{
    return workload_number(value, &c->window_s) && c->window_s != 0;
}

static const struct option {
    const char *key;
    bool (*set)(struct workload_config *c, const char *value);
    const char *wanted;
} options[] = {
    {"name", set_name, "1 to 24 of a-z A-Z 0-9 . _ + @ -"},
    {"dir", set_dir, "an absolute path"},
    {"user", set_user, "a name, or UID[:GID]"},
    {"env", add_env, "NAME=VALUE"},
    {"restart", set_restart, "no, on-failure or always"},
    {"budget", set_budget, "a number up to 1000000"},
    {"window", set_window, "a number from 1 up to 1000000"},
    {"output", set_output, "console or ring"},
    {"exit", set_exit, "no or yes"},
};
_Static_assert(HEALTH_NAME_MAX == 24 && WORKLOAD_NUMBER_MAX == 1000000, "as the texts say");

/* The length of what stands in front of =, if that could be an option's name; 0: it could not. */
static size_t key_length(const char *word)
{
    size_t n = 0;

    while ((word[n] >= 'a' && word[n] <= 'z') || (word[n] >= 'A' && word[n] <= 'Z') ||
           word[n] == '_' || (n != 0 && (word[n] == '-' || (word[n] >= '0' && word[n] <= '9'))))
        n++;
    return word[n] == '=' ? n : 0;
}

static void set_option(struct workload_config *c, const char *word, size_t n, struct out *error)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const struct option *o = &options[i];
        if (strncmp(word, o->key, n) != 0 || o->key[n] != '\0')
            continue;
        if (!o->set(c, word + n + 1) && error->len == 0) {
            out_str(error, o->key);
            out_str(error, "=: must be ");
            out_str(error, o->wanted);
        }
        return;
    }
    if (error->len == 0) {
        out_str(error, "no option ");
        out_bytes(error, word, n);
        out_str(error, "=");
    }
}

/* The command's file name, as far as it can be a name. */
static void name_after(struct workload_config *c, const char *command)
{
    const char *slash = strrchr(command, '/');
    const char *base = slash != NULL && slash[1] != '\0' ? slash + 1 : command;
    size_t n = strnlen(base, HEALTH_NAME_MAX);

    for (size_t i = 0; i < n; i++)
        c->name[i] = is_name_byte(base[i]) ? base[i] : '_';
}

static void read_words(struct workload_config *c, struct out *error)
{
    const char *const *word = c->words;
    size_t n;

    for (; *word != NULL && (n = key_length(*word)) != 0; word++)
        set_option(c, *word, n, error);
    if (*word != NULL && strcmp(*word, "--") == 0)
        word++;
    if (*word == NULL || **word == '\0') {
        if (error->len == 0)
            out_str(error, "no command");
        return;
    }
    c->command = word;
    if (c->name[0] == '\0')
        name_after(c, *word);
}

size_t workload_config_take(struct workload_config *c, const char *s, size_t len, struct out *error,
                            size_t *error_at)
{
    struct words w = {
        .list = c->words, .text = c->text, .max = WORKLOAD_WORDS_MAX, .room = sizeof c->text};

    memset(c, 0, offsetof(struct workload_config, words));
    c->budget = WORKLOAD_BUDGET_DEFAULT;
    c->window_s = WORKLOAD_WINDOW_DEFAULT;
    size_t n = words_take(&w, s, len);
    *error_at = w.fault_at;
    if (w.fault != WORDS_OK)
        words_describe(&w, error);
    else if (w.count != 0)
        read_words(c, error);
    return n;
}
