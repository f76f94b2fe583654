/* SPDX-License-Identifier: MIT */
/*
 * Response codes in words (TPM 2.0 Library, part 1, 39.4, and part 2, 6.6). The list is one string
 * of records, which takes half the room of a table: a byte (octal) that says which code it is, the
 * name, perhaps a colon and words for whoever does not know it, and a NUL. It has what the commands
 * of proto/tpm2.h can bring.
 */
#include "proto/tpm2.h"

#define FORMAT_1   0x080u /* it is of a ... */
#define PARAMETER  0x040u /* whose number is in bits 8 to 11, else */
#define SESSION    0x800u /* in bits 8 to 10, or, else, of a handle, likewise */
#define CODE_1     0x03fu
#define VERSION_2  0x100u /* of format 0 */
#define VENDOR     0x400u
#define WARNING    0x800u
#define CODE_0     0x07fu
#define RESMGR     0x00bu /* in bits 16 to 23: the resource manager says it, not the TPM */
#define HANDLE_NO  0x700u
#define REFERENCES 7 /* TPM_RC_REFERENCE_H0 and those behind it */

/* In front of a record, on top of its code; an error of format 0 has none. */
#define KEY_FORMAT_1 0x80u
#define KEY_WARNING  0xc0u

static const char names[] = "\000INITIALIZE: it is not started, or was already\0"
                            "\001FAILURE: the TPM is in failure mode\0"
                            "\040DISABLED\0"
                            "\044AUTH_TYPE\0"
                            "\045AUTH_MISSING\0"
                            "\046POLICY\0"
                            "\047PCR\0"
                            "\050PCR_CHANGED: a PCR was changed meanwhile\0"
                            "\055UPGRADE\0"
                            "\057AUTH_UNAVAILABLE: it opens in another way\0"
                            "\060REBOOT: it wants to be reset\0"
                            "\102COMMAND_SIZE\0"
                            "\103COMMAND_CODE: it has no such command\0"
                            "\104AUTHSIZE\0"
                            "\106NV_RANGE\0"
                            "\110NV_LOCKED\0"
                            "\111NV_AUTHORIZATION\0"
                            "\112NV_UNINITIALIZED: nothing was written there\0"
                            "\113NV_SPACE: its memory is full\0"
                            "\114NV_DEFINED: it is there already\0"
                            "\122PARENT\0"
                            "\123NEEDS_TEST\0"
                            "\125SENSITIVE\0"
                            "\201ASYMMETRIC\0"
                            "\202ATTRIBUTES\0"
                            "\203HASH\0"
                            "\204VALUE\0"
                            "\205HIERARCHY\0"
                            "\207KEY_SIZE\0"
                            "\212TYPE\0"
                            "\213HANDLE: it is not there\0"
                            "\215RANGE\0"
                            "\216AUTH_FAIL: a wrong password\0"
                            "\222SCHEME\0"
                            "\225SIZE\0"
                            "\226SYMMETRIC\0"
                            "\232INSUFFICIENT\0"
                            "\233SIGNATURE\0"
                            "\234KEY\0"
                            "\235POLICY_FAIL: its policy is not met\0"
                            "\237INTEGRITY: not this TPM's, or changed\0"
                            "\240TICKET\0"
                            "\242BAD_AUTH: a wrong password\0"
                            "\246CURVE\0"
                            "\302OBJECT_MEMORY: no room for an object\0"
                            "\303SESSION_MEMORY: no room for a session\0"
                            "\304MEMORY\0"
                            "\305SESSION_HANDLES: no room for a session\0"
                            "\306OBJECT_HANDLES\0"
                            "\307LOCALITY\0"
                            "\310YIELDED\0"
                            "\311CANCELED\0"
                            "\312TESTING\0"
                            "\320REFERENCE_H0: an object is not loaded\0"
                            "\321REFERENCE_H1: an object is not loaded\0"
                            "\330REFERENCE_S0: a session is not there\0"
                            "\331REFERENCE_S1: a session is not there\0"
                            "\340NV_RATE: written too often\0"
                            "\341LOCKOUT: too many wrong passwords\0"
                            "\342RETRY\0"
                            "\343NV_UNAVAILABLE\0";

/* The name of what has this byte in the list, and what stands behind it; NULL: it is not there. */
static const char *find(uint32_t key)
{
    const char *at = names;

    while (at < names + sizeof names - 1) {
        if ((uint8_t)*at++ == key)
            return at;
        at += strlen(at) + 1;
    }
    return NULL;
}

static const char *find_name(uint32_t rc)
{
    if (rc == TPM_RC_SUCCESS)
        return "SUCCESS";
    if ((rc & FORMAT_1) != 0)
        return find(KEY_FORMAT_1 | (rc & CODE_1));
    if ((rc & (VERSION_2 | VENDOR)) != VERSION_2)
        return NULL;
    return find((rc & WARNING) != 0 ? KEY_WARNING | (rc & CODE_0) : rc & CODE_0);
}

/* " of parameter 2" */
static void write_place(struct out *o, uint32_t rc)
{
    uint32_t number = rc >> 8 & ((rc & PARAMETER) != 0 ? 15 : 7);

    if ((rc & FORMAT_1) == 0 || number == 0)
        return;
    if ((rc & PARAMETER) != 0)
        out_str(o, " of parameter ");
    else
        out_str(o, (rc & SESSION) != 0 ? " of session " : " of handle ");
    out_u64(o, number);
}

/* " (0x2c4)": three digits at least */
static void write_number(struct out *o, uint32_t rc)
{
    char text[8];
    size_t first = sizeof text;

    for (; first > 5 || rc != 0; rc >>= 4)
        text[--first] = "0123456789abcdef"[rc & 15];
    out_str(o, " (0x");
    out_bytes(o, text + first, sizeof text - first);
    out_str(o, ")");
}

void tpm2_write_rc(struct out *o, uint32_t rc)
{
    uint32_t code = rc >> 16 == RESMGR ? rc & 0xffff : rc;
    const char *name = code > 0xfff ? NULL : find_name(code);

    if (name == NULL) {
        out_str(o, "an unknown TPM_RC");
        write_number(o, rc);
        return;
    }
    size_t n = strcspn(name, ":");
    out_str(o, "TPM_RC_");
    out_bytes(o, name, n);
    write_place(o, code);
    if (code != rc)
        out_str(o, " of the resource manager");
    write_number(o, rc);
    out_str(o, name + n);
}

bool tpm2_is_retry(uint32_t rc)
{
    return rc == TPM_RC_RETRY || rc == TPM_RC_YIELDED || rc == TPM_RC_TESTING;
}

bool tpm2_is_no_handle(uint32_t rc)
{
    uint32_t code = rc & ~(HANDLE_NO | PARAMETER); /* FlushContext's handle is a parameter */

    return code == TPM_RC_HANDLE || rc - TPM_RC_REFERENCE_H0 < REFERENCES;
}
