/* SPDX-License-Identifier: MIT */
/*
 * Response codes in words (TPM 2.0 Library, part 1, 39.4, and part 2, 6.6). A list is one string
 * of records, which takes half the room of a table: a byte of code (octal), the name, perhaps a
 * colon and words for whoever does not know it, and a NUL.
 */
#include "proto/tpm2.h"

#define FORMAT_1   0x080u /* its code is of bits 0 to 5, and it is of a ... */
#define PARAMETER  0x040u /* whose number is in bits 8 to 11, else */
#define SESSION    0x800u /* in bits 8 to 10, or, else, of a handle, likewise */
#define VERSION_2  0x100u /* format 0: its code is of bits 0 to 6 */
#define VENDOR     0x400u
#define WARNING    0x800u
#define FORMAT_0   0x07fu
#define RESMGR     0x00bu /* in bits 16 to 23: the resource manager says it, not the TPM */
#define HANDLE_NO  0x700u
#define REFERENCES 7 /* TPM_RC_REFERENCE_H0 and those behind it */

static const char errors[] = "\000INITIALIZE: it is not started, or was already\0"
                             "\001FAILURE: the TPM is in failure mode\0"
                             "\003SEQUENCE\0"
                             "\013PRIVATE\0"
                             "\031HMAC\0"
                             "\040DISABLED\0"
                             "\041EXCLUSIVE\0"
                             "\044AUTH_TYPE\0"
                             "\045AUTH_MISSING\0"
                             "\046POLICY\0"
                             "\047PCR\0"
                             "\050PCR_CHANGED: a PCR was changed meanwhile\0"
                             "\055UPGRADE: its firmware is being replaced\0"
                             "\056TOO_MANY_CONTEXTS\0"
                             "\057AUTH_UNAVAILABLE: it can't be opened in this way\0"
                             "\060REBOOT: it wants to be reset\0"
                             "\061UNBALANCED\0"
                             "\102COMMAND_SIZE\0"
                             "\103COMMAND_CODE: it does not have this command\0"
                             "\104AUTHSIZE\0"
                             "\105AUTH_CONTEXT\0"
                             "\106NV_RANGE\0"
                             "\107NV_SIZE\0"
                             "\110NV_LOCKED\0"
                             "\111NV_AUTHORIZATION\0"
                             "\112NV_UNINITIALIZED: nothing was written there\0"
                             "\113NV_SPACE: its memory is full\0"
                             "\114NV_DEFINED: it is there already\0"
                             "\120BAD_CONTEXT\0"
                             "\121CPHASH\0"
                             "\122PARENT\0"
                             "\123NEEDS_TEST\0"
                             "\124NO_RESULT\0"
                             "\125SENSITIVE\0";

static const char warnings[] = "\001CONTEXT_GAP\0"
                               "\002OBJECT_MEMORY: no room for another object\0"
                               "\003SESSION_MEMORY: no room for another session\0"
                               "\004MEMORY\0"
                               "\005SESSION_HANDLES: no room for another session\0"
                               "\006OBJECT_HANDLES\0"
                               "\007LOCALITY\0"
                               "\010YIELDED\0"
                               "\011CANCELED\0"
                               "\012TESTING\0"
                               "\020REFERENCE_H0: an object is not loaded\0"
                               "\021REFERENCE_H1: an object is not loaded\0"
                               "\022REFERENCE_H2: an object is not loaded\0"
                               "\030REFERENCE_S0: a session is not there\0"
                               "\031REFERENCE_S1: a session is not there\0"
                               "\032REFERENCE_S2: a session is not there\0"
                               "\040NV_RATE: its memory was written too often\0"
                               "\041LOCKOUT: too many wrong passwords\0"
                               "\042RETRY\0"
                               "\043NV_UNAVAILABLE: its memory can't be written now\0";

static const char of_something[] = "\001ASYMMETRIC\0"
                                   "\002ATTRIBUTES\0"
                                   "\003HASH\0"
                                   "\004VALUE\0"
                                   "\005HIERARCHY\0"
                                   "\007KEY_SIZE\0"
                                   "\010MGF\0"
                                   "\011MODE\0"
                                   "\012TYPE\0"
                                   "\013HANDLE: it is not there\0"
                                   "\014KDF\0"
                                   "\015RANGE\0"
                                   "\016AUTH_FAIL: a wrong password, which counts\0"
                                   "\017NONCE\0"
                                   "\020PP\0"
                                   "\022SCHEME\0"
                                   "\025SIZE\0"
                                   "\026SYMMETRIC\0"
                                   "\027TAG\0"
                                   "\030SELECTOR\0"
                                   "\032INSUFFICIENT\0"
                                   "\033SIGNATURE: it does not verify\0"
                                   "\034KEY\0"
                                   "\035POLICY_FAIL: its policy is not met\0"
                                   "\037INTEGRITY: it is not this TPM's, or changed\0"
                                   "\040TICKET\0"
                                   "\041RESERVED_BITS\0"
                                   "\042BAD_AUTH: a wrong password\0"
                                   "\043EXPIRED\0"
                                   "\044POLICY_CC\0"
                                   "\045BINDING\0"
                                   "\046CURVE\0"
                                   "\047ECC_POINT\0";

/* The name, and what stands behind it, of a code in a list of n bytes; NULL: it is not there. */
static const char *find(const char *list, size_t n, uint32_t code)
{
    for (const char *end = list + n; list < end; list += strlen(list) + 1)
        if ((uint8_t)*list++ == code)
            return list;
    return NULL;
}

static const char *find_name(uint32_t rc)
{
    if (rc == TPM_RC_SUCCESS)
        return "SUCCESS";
    if ((rc & FORMAT_1) != 0)
        return find(of_something, sizeof of_something - 1, rc & 0x3f);
    if ((rc & VERSION_2) == 0 || (rc & VENDOR) != 0)
        return NULL;
    if ((rc & WARNING) != 0)
        return find(warnings, sizeof warnings - 1, rc & FORMAT_0);
    return find(errors, sizeof errors - 1, rc & FORMAT_0);
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

/* " (0x2c4)" */
static void write_number(struct out *o, uint32_t rc)
{
    int shift = 28;

    while (shift > 8 && rc >> shift == 0)
        shift -= 4;
    out_str(o, " (0x");
    for (; shift >= 0; shift -= 4)
        out_bytes(o, &"0123456789abcdef"[rc >> shift & 15], 1);
    out_str(o, ")");
}

void tpm2_write_rc(struct out *o, uint32_t rc)
{
    uint32_t code = rc >> 16 == RESMGR ? rc & 0xffff : rc;
    const char *name = code > 0xfff ? NULL : find_name(code);
    size_t n = name == NULL ? 0 : strcspn(name, ":");

    if (name == NULL) {
        out_str(o, "an unknown TPM_RC");
        write_number(o, rc);
        return;
    }
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
    return (rc & ~HANDLE_NO) == TPM_RC_HANDLE || rc - TPM_RC_REFERENCE_H0 < REFERENCES;
}
