/* SPDX-License-Identifier: MIT */
/*
 * motectl: asks the agent in a guest for one thing and ends. Here are the table of
 * verbs, help, and the way from the command line to a verb. The program keeps no
 * state and takes no memory beyond its static buffers.
 */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/platform.h"
#include "qemu/motectl/deadline.h"
#include "qemu/motectl/verbs.h"

#define OPERATION_NS (10 * SECOND_NS) /* what the real client gives each operation */
#define WAIT_NS      (60 * SECOND_NS) /* likewise, for the state to become ready */

#define NO_VALUES                                                                                  \
    "the value of a secret is never taken from the command line, where other users can see it: "   \
    "give it on standard input or with --file"

#define OPTIONS_JOB (OPTION_WAIT | OPTION_PORT)
#define OUTCOME                                                                                    \
    "What the peer says no to, and what fails, ends motectl with exit code 1. When it takes\n"     \
    "longer than the guest waits with its answer, the exit code is 124, and the job goes on:\n"    \
    "ask for it with the verb job, or wait with --wait.\n"

static const struct verb verbs[] = {
    {.name = "wait",
     .synopsis = "[--for STATE]",
     .summary = "wait until the guest is ready",
     .details =
         "Connects and asks for the state again and again, also while nobody answers yet,\n"
         "for 60 seconds unless --timeout says otherwise. STATE is booting, ready, healthy,\n"
         "degraded or shutdown; without it, and for ready, healthy counts too. A guest that\n"
         "shuts down ends the wait with exit code 1.\n",
     .options = OPTION_FOR,
     .timeout_ns = WAIT_NS,
     .run = verb_wait},
    {.name = "ping",
     .synopsis = "",
     .summary = "see whether the agent answers, and how fast",
     .details = "The time is from sending to the answer; connecting is not part of it.\n",
     .timeout_ns = OPERATION_NS,
     .run = verb_ping},
    {.name = "health",
     .synopsis = "",
     .summary = "show the guest's state, uptime and agents",
     .details = "",
     .timeout_ns = OPERATION_NS,
     .run = verb_health},
    {.name = "capabilities",
     .synopsis = "",
     .summary = "show what the guest understands, and its limits",
     .details = "",
     .timeout_ns = OPERATION_NS,
     .run = verb_capabilities},
    {.name = "workloads",
     .synopsis = "",
     .summary = "show the programs that the guest looks after",
     .details = "Each with its process or exit status, its restarts, and what is wrong with it.\n",
     .timeout_ns = OPERATION_NS,
     .run = verb_workloads},
    {.name = "logs",
     .synopsis = "NAME [--follow]",
     .summary = "print what a workload has said",
     .details =
         "As far as the guest keeps it (output=ring), byte for byte. What it keeps no longer\n"
         "is told on standard error. With --follow it goes on, looking once a second, until\n"
         "it is interrupted or the guest ends.\n",
     .min = 1,
     .max = 1,
     .options = OPTION_FOLLOW,
     .timeout_ns = OPERATION_NS,
     .run = verb_logs},
    {.name = "secret put",
     .synopsis = "NAME [--mode OCTAL] [--file FILE]",
     .summary = "give the guest a secret",
     .details = "The value is read from FILE or standard input, byte for byte (also a newline at\n"
                "its end), never from the command line, where other users could see it. It must\n"
                "be UTF-8 text. OCTAL is the file's mode in the guest, 600 unless given.\n",
     .min = 1,
     .max = 1,
     .extra = NO_VALUES,
     .options = OPTION_MODE | OPTION_FILE,
     .timeout_ns = OPERATION_NS,
     .run = verb_secret_put},
    {.name = "secret rotate",
     .synopsis = "NAME [--mode OCTAL] [--file FILE]",
     .summary = "replace a secret that the guest has",
     .details = "Like secret put, but NAME must be there. The mode stays unless it is given.\n",
     .min = 1,
     .max = 1,
     .extra = NO_VALUES,
     .options = OPTION_MODE | OPTION_FILE,
     .timeout_ns = OPERATION_NS,
     .run = verb_secret_rotate},
    {.name = "secret list",
     .synopsis = "",
     .summary = "show the names of the guest's secrets",
     .details = "With their sizes and modes; never their values.\n",
     .timeout_ns = OPERATION_NS,
     .run = verb_secret_list},
    {.name = "secret rm",
     .synopsis = "NAME",
     .summary = "wipe a secret",
     .details = "",
     .min = 1,
     .max = 1,
     .timeout_ns = OPERATION_NS,
     .run = verb_secret_rm},
    {.name = "secret purge",
     .synopsis = "",
     .summary = "wipe all secrets, before a snapshot for example",
     .details = "The guest then looks for what is left of them in its memory. Anything that is\n"
                "left ends motectl with exit code 1. The configuration stays.\n",
     .timeout_ns = OPERATION_NS,
     .run = verb_secret_purge},
    {.name = "config set",
     .synopsis = "[FILE]",
     .summary = "give the guest its configuration",
     .details = "The text is read from FILE or standard input.\n",
     .max = 1,
     .timeout_ns = OPERATION_NS,
     .run = verb_config_set},
    {.name = "ssh-key add",
     .synopsis = "USER [FILE]",
     .summary = "let a public key log in as USER",
     .details = "The key is read from FILE or standard input. A StereOS guest keeps one key per\n"
                "user: the new one replaces it.\n",
     .min = 1,
     .max = 2,
     .timeout_ns = OPERATION_NS,
     .run = verb_ssh_key_add},
    {.name = "mount",
     .synopsis = "TAG PATH [--type 9p|virtiofs] [--read-only]",
     .summary = "mount a shared directory",
     .details = "TAG is the share's tag on the host, PATH where it appears in the guest. The type\n"
                "is 9p unless given.\n",
     .min = 2,
     .max = 2,
     .options = OPTION_TYPE | OPTION_READ_ONLY,
     .timeout_ns = OPERATION_NS,
     .run = verb_mount},
    {.name = "hostos",
     .synopsis = "COMMAND [WORD...] [--count N] [--port N] [--legacy] [--wait]",
     .summary = "have the guest send a command to the HostOS",
     .details = "COMMAND is get-hostos-version, get-vsock-protocol, attach-hsm, detach-hsm,\n"
                "start-upgrade-guest-vm, notify MESSAGE, upgrade URL HASH or set-node-id ID.\n"
                "The host's port is 19090 unless given. With --legacy a host that knows only the\n"
                "oldest protocol will do.\n" OUTCOME,
     .min = 1,
     .max = 3,
     .options = OPTIONS_JOB | OPTION_COUNT | OPTION_LEGACY,
     .timeout_ns = OPERATION_NS,
     .run = verb_hostos},
    {.name = "vcom",
     .synopsis = "REQUEST [INDEX] [--data B64] [--cred B64] [--secret B64] [--port N] [--wait]",
     .summary = "have the guest ask a VComLink agent",
     .details = "REQUEST is ek, getpub, sign, readnv, activatecredparams, activatecred or\n"
                "certifykey. INDEX is a handle, decimal or 0x and hexadecimal. The host's port is\n"
                "2000 unless given. Bytes are base64, in the result as well.\n" OUTCOME,
     .min = 1,
     .max = 2,
     .options = OPTIONS_JOB | OPTION_DATA | OPTION_CRED | OPTION_SECRET,
     .timeout_ns = OPERATION_NS,
     .run = verb_vcom},
    {.name = "upload",
     .synopsis = "PATH [FILE] [--cmd-id ID] [--checksum] [--port N] [--wait]",
     .summary = "have the guest give a file to a Bandsox host",
     .details = "PATH is what the host calls it, FILE what the guest does, PATH unless given.\n"
                "Without an ID that the host has handed out it writes to PATH on its own disk.\n"
                "The host's port is 9000 unless given.\n" OUTCOME,
     .min = 1,
     .max = 2,
     .options = OPTIONS_JOB | OPTION_CMD_ID | OPTION_CHECKSUM,
     .timeout_ns = OPERATION_NS,
     .run = verb_upload},
    {.name = "download",
     .synopsis = "PATH [FILE] [--cmd-id ID] [--mode OCTAL] [--port N] [--wait]",
     .summary = "have the guest get a file from a Bandsox host",
     .details = "PATH is what the host calls it, FILE what the guest does, PATH unless given: an\n"
                "absolute path without .., not below a directory of the system. OCTAL is the\n"
                "file's mode, 644 unless given. The host's port is 9000 unless given.\n" OUTCOME,
     .min = 1,
     .max = 2,
     .options = OPTIONS_JOB | OPTION_CMD_ID | OPTION_MODE,
     .timeout_ns = OPERATION_NS,
     .run = verb_download},
    {.name = "download-raw",
     .synopsis = "PATH [FILE] [--cmd-id ID] [--mode OCTAL] [--port N] [--wait]",
     .summary = "the same without base64, from newer hosts",
     .details = "See download.\n",
     .min = 1,
     .max = 2,
     .options = OPTIONS_JOB | OPTION_CMD_ID | OPTION_MODE,
     .timeout_ns = OPERATION_NS,
     .run = verb_download_raw},
    {.name = "ping-host",
     .synopsis = "[--cmd-id ID] [--port N] [--wait]",
     .summary = "have the guest ping a Bandsox host",
     .details = "The host's port is 9000 unless given.\n" OUTCOME,
     .options = OPTIONS_JOB | OPTION_CMD_ID,
     .timeout_ns = OPERATION_NS,
     .run = verb_ping_host},
    {.name = "job",
     .synopsis = "ID [--wait]",
     .summary = "ask what became of a job",
     .details = "A guest tells once how a job has ended, then it knows it no more.\n" OUTCOME,
     .min = 1,
     .max = 1,
     .options = OPTION_WAIT,
     .timeout_ns = OPERATION_NS,
     .run = verb_job},
    {.name = "shutdown",
     .synopsis = "[REASON]",
     .summary = "shut the guest down",
     .details = "Ends when the guest has agreed, not when it is off.\n",
     .max = 1,
     .timeout_ns = OPERATION_NS,
     .run = verb_shutdown},
    {.name = "raw",
     .synopsis = "[LINE]",
     .summary = "send lines as they are and print the answers",
     .details = "Sends LINE, or every line of standard input that is not empty, all on one\n"
                "connection. The next goes out when the answer to the last one is printed.\n",
     .max = 1,
     .timeout_ns = OPERATION_NS,
     .run = verb_raw},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static struct stream stream;

/* How many of the words are the verb's name; 0: it isn't this verb. */
static int match_verb(const struct verb *verb, char **words, int count)
{
    size_t first = strcspn(verb->name, " ");
    const char *second = verb->name[first] == '\0' ? NULL : verb->name + first + 1;

    if (count == 0 || strlen(words[0]) != first || memcmp(words[0], verb->name, first) != 0)
        return 0;
    if (second == NULL)
        return 1;
    return count > 1 && strcmp(words[1], second) == 0 ? 2 : 0;
}

static void print_program_help(void)
{
    puts("Usage: motectl [--timeout SECONDS] [--json] ADDRESS VERB [ARGS]\n"
         "       motectl help VERB\n\n"
         "Asks the agent in a guest for one thing.\n\n"
         "ADDRESS, or MOTE_ADDRESS in the environment, is one of\n"
         "  unix:PATH:PORT    a VMM's hybrid vsock socket: CONNECT PORT is said first\n"
         "  unix:PATH         a unix socket\n"
         "  vsock:CID:PORT    vsock; without :PORT, 1024\n"
         "  tcp:HOST:PORT     TCP\n\n"
         "VERB is one of");
    for (size_t i = 0; i < VERB_COUNT; i++)
        printf("  %-14s %s\n", verbs[i].name, verbs[i].summary);
    puts("\nOptions:\n"
         "  --timeout SECONDS  of each operation; 10, for wait 60\n"
         "  --json             print the answer's line as it came (wait, ping: an object)\n"
         "  --help, --version\n\n"
         "Exit codes: 0; 1 the guest said no; 124 no answer in time; 125 motectl failed.");
}

static void print_verb_help(const struct verb *verb)
{
    printf("Usage: motectl [--timeout SECONDS] [--json] ADDRESS %s%s%s\n\n%c%s.\n%s", verb->name,
           verb->synopsis[0] != '\0' ? " " : "", verb->synopsis,
           toupper((unsigned char)verb->summary[0]), verb->summary + 1, verb->details);
}

/* Of every verb whose name begins with the word, as the user may not know the rest. */
static enum status print_help_of_all(const char *word)
{
    size_t len = strlen(word);
    bool found = false;

    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcspn(verbs[i].name, " ") == len && memcmp(word, verbs[i].name, len) == 0) {
            fputs(found ? "\n" : "", stdout);
            print_verb_help(&verbs[i]);
            found = true;
        }
    }
    return found ? STATUS_OK : fail(STATUS_FAILED, "unknown verb %s; see motectl --help", word);
}

/* The verb that the words begin with, and how many of them it took; NULL: none. */
static const struct verb *find_verb(char **words, int count, int *used)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        *used = match_verb(&verbs[i], words, count);
        if (*used > 0)
            return &verbs[i];
    }
    return NULL;
}

static enum status print_help(char **words, int count)
{
    int used;

    if (count > 0 && strcmp(words[0], "help") == 0) {
        words++;
        count--;
    }
    const struct verb *verb = find_verb(words, count, &used);
    if (verb == NULL && count > 0)
        return print_help_of_all(words[0]);
    if (verb == NULL)
        print_program_help();
    else
        print_verb_help(verb);
    return STATUS_OK;
}

static enum status check_usage(const struct verb *verb, const struct options *options, int count)
{
    uint32_t wrong = options->given & ~(verb->options | OPTIONS_COMMON);

    if (wrong != 0) {
        return fail(STATUS_FAILED, "%s takes no --%s; see motectl help %s", verb->name,
                    option_name(wrong & ~(wrong - 1)), verb->name);
    }
    if (count > verb->max && verb->extra != NULL)
        return fail(STATUS_FAILED, "%s", verb->extra);
    if (count < verb->min || count > verb->max) {
        return fail(STATUS_FAILED, "too %s arguments; usage: motectl ADDRESS %s %s",
                    count < verb->min ? "few" : "many", verb->name, verb->synopsis);
    }
    return STATUS_OK;
}

/* Runs the verb that the words name, against the guest at address. */
static enum status run_verb(const struct options *options, const char *address_text, char **words,
                            int count)
{
    struct address address;
    enum status status;
    int used;
    const struct verb *verb = find_verb(words, count, &used);

    if (verb == NULL) {
        return fail(STATUS_FAILED, "%s%s; see motectl --help",
                    count > 0 ? "unknown verb " : "no verb given", count > 0 ? words[0] : "");
    }
    status = check_usage(verb, options, count - used);
    if (status == STATUS_OK && address_text == NULL) {
        status =
            fail(STATUS_FAILED, "no address: give one in front of the verb or in MOTE_ADDRESS");
    }
    if (status == STATUS_OK)
        status = address_parse(address_text, &address);
    if (status != STATUS_OK)
        return status;
    return verb->run(&(struct call){
        .address = &address,
        .options = options,
        .args = words + used,
        .count = count - used,
        .timeout_ns = options->timeout_ns != 0 ? options->timeout_ns : verb->timeout_ns,
        .stream = &stream,
    });
}

static enum status run(int argc, char **argv)
{
    struct options options;
    enum status status = options_parse(argc, argv, &options);
    const char *address = getenv("MOTE_ADDRESS");
    char **words = options.words;
    int count = options.word_count;

    if (status != STATUS_OK)
        return status;
    if ((options.given & OPTION_VERSION) != 0) {
        puts("motectl " MOTE_VERSION);
        return STATUS_OK;
    }
    /* No verb has a colon, every address has one. */
    if (count > 0 && strchr(words[0], ':') != NULL) {
        address = *words++;
        count--;
    }
    if ((options.given & OPTION_HELP) != 0 || (count > 0 && strcmp(words[0], "help") == 0))
        return print_help(words, count);
    return run_verb(&options, address, words, count);
}

int main(int argc, char **argv)
{
    static char line[BUFSIZ]; /* by lines, so that answers can be followed as they come */
    enum status status;

    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, line, _IOLBF, sizeof(line));
    status = run(argc > 0 ? argc - 1 : 0, argv + 1);
    if (status != STATUS_OK)
        fprintf(stderr, "motectl: %s\n", failure());
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("motectl: cannot write to standard output\n", stderr);
        return status == STATUS_OK ? STATUS_FAILED : (int)status;
    }
    return (int)status;
}
