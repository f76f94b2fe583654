/* SPDX-License-Identifier: MIT */
/* The table of verbs, but for those of the TPM, which follow behind it. */
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
     .synopsis =
         "NAME [--mode OCTAL] [--file FILE] [--sealed [--ca FILE] [--ek FILE] | --blob FILE]",
     .summary = "give the guest a secret",
     .details =
         "The value is read from FILE or standard input, byte for byte (also a newline at\n"
         "its end), never from the command line, where other users could see it. It must\n"
         "be UTF-8 text unless it is sealed. OCTAL is the file's mode in the guest, 600\n"
         "unless given.\n"
         "With --sealed only the guest's TPM can open what is sent; --ca and --ek say whose\n"
         "that is, as for tpm quote. With --blob the value is what tpm seal has written.\n",
     .min = 1,
     .max = 1,
     .extra = NO_VALUES,
     .options = OPTION_MODE | OPTION_FILE | OPTION_SEALED | OPTION_CA | OPTION_EK | OPTION_BLOB,
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

const struct verb *verb_at(size_t i)
{
    return i < VERB_COUNT ? &verbs[i] : verb_of_tpm(i - VERB_COUNT);
}
