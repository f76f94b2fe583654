/* SPDX-License-Identifier: MIT */
#include "platform/linux/options.h"

#include "platform/linux/errno_text.h"
#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <stdio.h>
#include <string.h>

#define PREFIX     "mote."
#define PREFIX_LEN 5

/* No word takes more room than it had, with what ended it. */
#define WORDS_MAX (OPTIONS_TEXT_MAX + 1)

/* COMMAND_LINE_SIZE of x86, with the NUL: what is longer the kernel cuts, without a word. */
#define LINE_SIZE 2048

static const struct {
    const char *key;
    const char *value;
    const char *help;
} known[] = {
    {"listen", "WHERE",
     "auto, vsock, tcp or unix:PATH; auto: vsock if this guest has a CID, else tcp"},
    {"allow_cid", "N", "serve CID N instead of the host alone; may be given again"},
    {"notify", "PORT", "tell the host's PORT when ready, and the exit status"},
    {"secrets", "DIR", "where secrets are files; default /run/stereos/secrets"},
    {"config", "FILE", "where the configuration is; default /etc/stereos/jcard.toml"},
    {"passwd", "FILE", "who has which home; default /etc/passwd"},
    {"hostos", "JOB", "a command for the HostOS when ready, as get-hostos-version"},
    {"vcom", "JOB", "a request to a VComLink agent when ready, as ek"},
    {"download", "JOB", "a file to get from a Bandsox host when ready, as PATH:FILE"},
    {"upload", "JOB", "a file to give to a Bandsox host when ready, as PATH:FILE"},
    {"tpm", "PATH", "the TPM 2.0: a device, default /dev/tpmrm0, or a simulator's unix socket"},
    {"tpm_keys", "HOW", "keys made in the TPM: transient, or persistent; default transient"},
    {"tpm_pcr", "N", "the PCR that the configuration is measured in, or none; default 12"},
    {"run", "WORKLOAD", "a program to start and look after"},
    {"workloads", "FILE", "programs to start, one a line; default /etc/mote/workloads"},
    {"bandsox", "TTY", "be the agent of a Bandsox host, on this serial line: ttyS0, or a path"},
    {"grace", "S", "seconds from SIGTERM to SIGKILL at the end; default 5"},
    {"hostname", "NAME", "as PID 1: the name of this machine"},
    {"poweroff", "HOW", "as a service: systemctl, signal-init or exit"},
};

/* The words, each with its NUL, and an empty one behind the last. */
static char words[WORDS_MAX];

/* The kernel's line while it is read; and what is asked for as one. */
static char line[WORDS_MAX];

static const char *next_word(const char *word)
{
    return word + strlen(word) + 1;
}

const char *platform_option(const char *key, const char *after, size_t *len)
{
    const char *word = after != NULL ? next_word(after) : words;
    size_t n = strlen(key);

    for (; *word != '\0'; word = next_word(word)) {
        if (strncmp(word, key, n) != 0 || word[n] != '=')
            continue;
        *len = strlen(word + n + 1);
        return word + n + 1;
    }
    return NULL;
}

const char *platform_cmdline(void)
{
    char *end = line;

    for (const char *word = words; *word != '\0'; word = next_word(word)) {
        end = stpcpy(end, word);
        *end++ = ' ';
    }
    end[end > line ? -1 : 0] = '\0';
    return line;
}

/* Whether the n bytes at key are one of the known; a dash may stand for an underscore. */
static bool is_known(const char *key, size_t n)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t at = 0;
        while (at < n && known[i].key[at] == (key[at] == '-' ? '_' : key[at]))
            at++;
        if (at == n && known[i].key[n] == '\0')
            return true;
    }
    return false;
}

/* Copies a word without the quotes around it or around its value; those within are part of it. */
static void unquote(const char *word, size_t n, char *dst)
{
    bool whole = n > 0 && word[0] == '"';

    word += whole;
    n -= whole;
    const char *equals = n > 0 ? memchr(word + 1, '=', n - 1) : NULL;
    size_t head = equals != NULL ? (size_t)(equals + 1 - word) : n;
    bool value = head < n && word[head] == '"';
    if ((whole || value) && n > (value ? head + 1 : 0) && word[n - 1] == '"')
        n--;
    head = head < n ? head : n;
    memcpy(dst, word, head);
    memcpy(dst + head, word + head + value, n - head - value);
    dst[n - value] = '\0';
}

/* Takes the next word as the kernel does (lib/cmdline.c, next_arg): between double quotes,
 * wherever they stand, a blank does not end it. */
static const char *take_word(const char *s, const char *end, char *dst)
{
    const char *word = s;
    bool quoted = false;

    for (; s < end && (quoted || (*s != ' ' && *s != '\n' && *s != '\t')); s++)
        quoted ^= *s == '"';
    unquote(word, (size_t)(s - word), dst);
    return s;
}

static void warn_if_unknown(const char *word)
{
    size_t n = strcspn(word, "=");

    if (strncmp(word, PREFIX, PREFIX_LEN) != 0)
        return;
    if (!is_known(word + PREFIX_LEN, n - PREFIX_LEN))
        printf("mote: %.*s on the command line: no such option\n", (int)n, word);
}

/* The line's newline ends every other word. */
static void drop_unfinished(char *word)
{
    printf("mote: the command line ends within quotes: %.*s is not used\n", (int)strcspn(word, "="),
           word);
    *word = '\0';
}

void options_from_text(const char *text, size_t n)
{
    char *dst = words;

    for (const char *s = text, *end = text + n; s < end; s++) {
        s = take_word(s, end, dst);
        if (s == end)
            drop_unfinished(dst);
        if (*dst == '\0')
            continue;
        warn_if_unknown(dst);
        dst += strlen(dst) + 1;
    }
    *dst = '\0';
}

void options_from_kernel(void)
{
    long fd = sys_open("/proc/cmdline", O_RDONLY, 0);
    long n = fd < 0 ? fd : sys_read((int)fd, line, OPTIONS_TEXT_MAX);

    sys_close((int)fd);
    if (n < 0)
        printf("mote: /proc/cmdline: %s: no option is known\n", errno_text(n));
    if (n == LINE_SIZE)
        printf(
            "mote: the command line has all %d bytes that a kernel keeps: it may have had more\n",
            LINE_SIZE - 1);
    options_from_text(line, n < 0 ? 0 : (size_t)n);
    explicit_bzero(line, sizeof line);
}

/* Appends mote.KEY=VALUE; NULL when there is no room. */
static char *append(char *dst, const char *key, size_t n, const char *value)
{
    size_t need = PREFIX_LEN + n + 1 + strlen(value) + 1;

    if (need >= (size_t)(words + sizeof words - dst))
        return NULL;
    memcpy(dst, PREFIX, PREFIX_LEN);
    for (size_t i = 0; i < n; i++)
        dst[PREFIX_LEN + i] = key[i] == '-' ? '_' : key[i];
    dst[PREFIX_LEN + n] = '=';
    strcpy(dst + PREFIX_LEN + n + 1, value);
    return dst + need;
}

int options_from_arguments(char *const *arguments)
{
    char *dst = words;

    for (; *arguments != NULL; arguments++) {
        const char *key = *arguments;
        size_t n = strcspn(key += strncmp(key, "--", 2) == 0 ? 2 : 0, "=");
        if (key == *arguments || !is_known(key, n)) {
            printf("mote: %s: no such option; see mote help\n", *arguments);
            return -1;
        }
        const char *value = key[n] == '=' ? key + n + 1 : *++arguments;
        if (value == NULL) {
            printf("mote: --%s needs a value\n", key);
            return -1;
        }
        if ((dst = append(dst, key, n, value)) == NULL) {
            printf("mote: more than %d bytes of options\n", WORDS_MAX);
            return -1;
        }
    }
    return 0;
}

void options_print(void)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        int used = printf("  --%s %s", known[i].key, known[i].value);
        printf("%*s%s\n", used < 24 ? 24 - used : 1, "", known[i].help);
    }
}
