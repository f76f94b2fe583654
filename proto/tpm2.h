/* SPDX-License-Identifier: MIT */
/*
 * Commands to a TPM 2.0 and its answers (TPM 2.0 Library, parts 2 and 3; the names are theirs).
 * Pure functions over bytes: a command is appended to a struct out, an answer is read by views into
 * the caller's bytes. Everything is big-endian.
 */
#ifndef PROTO_TPM2_H
#define PROTO_TPM2_H

#include "proto/text.h"
#include "proto/tpm_public.h"

#define TPM2_HEADER_SIZE 10 /* tag, size, code */

enum tpm_st {
    TPM_ST_NO_SESSIONS = 0x8001,
    TPM_ST_SESSIONS = 0x8002,
    TPM_ST_ATTEST_CERTIFY = 0x8017,
    TPM_ST_ATTEST_QUOTE = 0x8018,
    TPM_ST_HASHCHECK = 0x8024,
};

enum tpm_cc {
    TPM_CC_EVICT_CONTROL = 0x120,
    TPM_CC_CREATE_PRIMARY = 0x131,
    TPM_CC_SELF_TEST = 0x143,
    TPM_CC_STARTUP = 0x144,
    TPM_CC_SHUTDOWN = 0x145,
    TPM_CC_NV_READ = 0x14e,
    TPM_CC_ACTIVATE_CREDENTIAL = 0x147,
    TPM_CC_CERTIFY = 0x148,
    TPM_CC_POLICY_SECRET = 0x151,
    TPM_CC_CREATE = 0x153,
    TPM_CC_LOAD = 0x157,
    TPM_CC_QUOTE = 0x158,
    TPM_CC_SIGN = 0x15d,
    TPM_CC_UNSEAL = 0x15e,
    TPM_CC_FLUSH_CONTEXT = 0x165,
    TPM_CC_MAKE_CREDENTIAL = 0x168,
    TPM_CC_NV_READ_PUBLIC = 0x169,
    TPM_CC_READ_PUBLIC = 0x173,
    TPM_CC_START_AUTH_SESSION = 0x176,
    TPM_CC_GET_CAPABILITY = 0x17a,
    TPM_CC_GET_RANDOM = 0x17b,
    TPM_CC_HASH = 0x17d,
    TPM_CC_PCR_READ = 0x17e,
    TPM_CC_POLICY_PCR = 0x17f,
    TPM_CC_PCR_EXTEND = 0x182,
    TPM_CC_POLICY_GET_DIGEST = 0x189,
};

enum tpm_rc {
    TPM_RC_SUCCESS = 0x000,
    TPM_RC_INITIALIZE = 0x100,
    TPM_RC_FAILURE = 0x101,
    TPM_RC_NEEDS_TEST = 0x153,
    TPM_RC_HANDLE = 0x08b, /* of one of the handles, whose number is in bits 8 to 10 */
    TPM_RC_YIELDED = 0x908,
    TPM_RC_CANCELED = 0x909,
    TPM_RC_TESTING = 0x90a,
    TPM_RC_REFERENCE_H0 = 0x910,
    TPM_RC_LOCKOUT = 0x921,
    TPM_RC_RETRY = 0x922,
    TPM_RC_NV_UNAVAILABLE = 0x923,
};

enum tpm_rh {
    TPM_RH_OWNER = 0x40000001,
    TPM_RH_NULL = 0x40000007,
    TPM_RS_PW = 0x40000009,
    TPM_RH_ENDORSEMENT = 0x4000000b,
};

enum tpm_su { TPM_SU_CLEAR = 0, TPM_SU_STATE = 1 };

enum tpm_se { TPM_SE_POLICY = 1, TPM_SE_TRIAL = 3 };

enum tpm_cap {
    TPM_CAP_HANDLES = 1,
    TPM_CAP_PCRS = 5,
    TPM_CAP_TPM_PROPERTIES = 6,
};

enum tpm_pt {
    TPM_PT_FAMILY_INDICATOR = 0x100,
    TPM_PT_REVISION = 0x102,
    TPM_PT_MANUFACTURER = 0x105,
    TPM_PT_VENDOR_STRING_1 = 0x106, /* and three more behind it */
    TPM_PT_FIRMWARE_VERSION_1 = 0x10b,
    TPM_PT_FIRMWARE_VERSION_2 = 0x10c,
    TPM_PT_PERMANENT = 0x200, /* TPMA_PERMANENT: 1 << 9 is inLockout */
};

/* First handles of a kind, for TPM_CAP_HANDLES. */
enum tpm_ht {
    TPM_HT_NV_INDEX = 0x01000000,
    TPM_HT_LOADED_SESSION = 0x02000000,
    TPM_HT_TRANSIENT = (int)0x80000000,
    TPM_HT_PERSISTENT = (int)0x81000000,
};

/* TPMA_OBJECT */
enum tpma_object {
    TPMA_OBJECT_FIXED_TPM = 1 << 1,
    TPMA_OBJECT_ST_CLEAR = 1 << 2,
    TPMA_OBJECT_FIXED_PARENT = 1 << 4,
    TPMA_OBJECT_SENSITIVE_DATA_ORIGIN = 1 << 5,
    TPMA_OBJECT_USER_WITH_AUTH = 1 << 6,
    TPMA_OBJECT_ADMIN_WITH_POLICY = 1 << 7,
    TPMA_OBJECT_NO_DA = 1 << 10,
    TPMA_OBJECT_RESTRICTED = 1 << 16,
    TPMA_OBJECT_DECRYPT = 1 << 17,
    TPMA_OBJECT_SIGN_ENCRYPT = 1 << 18,
};

#define TPM2_PCRS       24u   /* of a PC's TPM */
#define TPM2_DIGEST_MAX 64u   /* of SHA-512 */
#define TPM2_PUBLIC_MAX 640u  /* of a TPMT_PUBLIC of RSA with 4,096 bits */
#define TPM2_SEALED_MAX 128u  /* bytes that one object can seal (MAX_SYM_DATA) */
#define TPM2_MAX_BUFFER 1024u /* bytes of TPM2_Hash and TPM2_NV_Read (MAX_DIGEST_BUFFER) */
#define TPM2_RANDOM_MAX 32u   /* bytes that any TPM gives at once */

/* Digest size of a hash algorithm; 0: it is not known. Its name, "sha256"; NULL. */
size_t tpm2_digest_size(uint16_t hash);
const char *tpm2_hash_name(uint16_t hash);

/* PCRs of one bank. */
struct tpm2_selection {
    uint16_t hash;
    uint32_t pcrs; /* bit n: PCR n, of TPM2_PCRS */
};

/* Reads "sha256:0,1,7" or "sha256:all" as tpm2-tools write it; "0,7" is of sha256. False: *error
 * says what is wrong with it. */
bool tpm2_read_selection(struct bytes text, struct tpm2_selection *s, struct out *error);

/* -- commands: each appends one whole command. Who authorizes with an empty password unless
 * another session is named. A command that has no room sets o->overflow. */

/* A session of a policy as authorization; TPM_RS_PW: an empty password. */
void tpm2_write_startup(struct out *o, enum tpm_su su);
void tpm2_write_shutdown(struct out *o, enum tpm_su su);
void tpm2_write_self_test(struct out *o, bool full);
void tpm2_write_get_capability(struct out *o, enum tpm_cap cap, uint32_t property, uint32_t count);
void tpm2_write_get_random(struct out *o, uint16_t n);
void tpm2_write_read_public(struct out *o, uint32_t object);
void tpm2_write_flush_context(struct out *o, uint32_t handle);
void tpm2_write_evict_control(struct out *o, uint32_t object, uint32_t persistent);
void tpm2_write_nv_read_public(struct out *o, uint32_t index);
/* Authorized by the index itself (auth is index) or by the owner (auth is TPM_RH_OWNER). */
void tpm2_write_nv_read(struct out *o, uint32_t auth, uint32_t index, uint16_t size,
                        uint16_t offset);
void tpm2_write_pcr_read(struct out *o, const struct tpm2_selection *s);
void tpm2_write_pcr_extend(struct out *o, uint32_t pcr, uint16_t hash, const void *digest);
/* Signed in the key's own scheme. */
void tpm2_write_quote(struct out *o, uint32_t key, struct bytes qualifying,
                      const struct tpm2_selection *s);
void tpm2_write_certify(struct out *o, uint32_t object, uint32_t key, struct bytes qualifying);
/* scheme TPM_ALG_NULL: the key's own. ticket: a whole TPMT_TK_HASHCHECK, empty: the null ticket. */
void tpm2_write_sign(struct out *o, uint32_t key, struct bytes digest, uint16_t scheme,
                     uint16_t hash, struct bytes ticket);
void tpm2_write_hash(struct out *o, struct bytes data, uint16_t hash, uint32_t hierarchy);
void tpm2_write_make_credential(struct out *o, uint32_t key, struct bytes credential,
                                struct bytes name);
/* blob and secret without their sizes; session authorizes the use of key. */
void tpm2_write_activate_credential(struct out *o, uint32_t activate, uint32_t key,
                                    uint32_t session, struct bytes blob, struct bytes secret);
/* Unbound, unsalted, without encryption of parameters; nonce of 16 bytes at least. */
void tpm2_write_start_auth_session(struct out *o, enum tpm_se type, uint16_t hash,
                                   struct bytes nonce);
void tpm2_write_policy_secret(struct out *o, uint32_t entity, uint32_t session);
/* The PCRs as they are now: no digest is given. */
void tpm2_write_policy_pcr(struct out *o, uint32_t session, const struct tpm2_selection *s);
void tpm2_write_policy_get_digest(struct out *o, uint32_t session);
/* session: of a policy, or TPM_RS_PW. */
void tpm2_write_unseal(struct out *o, uint32_t item, uint32_t session);

/* A key as it is made from a hierarchy's seed; the same template makes the same key. */
struct tpm2_template {
    uint32_t persistent; /* the handle that it has in evetpm's table */
    uint32_t hierarchy;  /* enum tpm_rh */
    uint16_t type;       /* TPM_ALG_RSA of 2,048 bits, or TPM_ALG_ECC of NIST P-256 */
    uint32_t attributes; /* enum tpma_object */
    uint16_t scheme;     /* of a key that signs: TPM_ALG_RSASSA, TPM_ALG_ECDSA with SHA-256; else
                            TPM_ALG_NULL; AES-128-CFB for one that is restricted and decrypts */
    bool has_ek_policy;  /* authPolicy is PolicySecret of the endorsement hierarchy (policy A) */
    uint16_t unique;     /* zero bytes of the unique field */
};

#define TPM2_EK_HANDLE     0x81000001u /* of evetpm */
#define TPM2_SRK_HANDLE    0x81000002u
#define TPM2_AIK_HANDLE    0x81000003u
#define TPM2_QUOTE_HANDLE  0x81000004u
#define TPM2_ECDH_HANDLE   0x81000005u
#define TPM2_TCG_EK_HANDLE 0x81010001u /* where manufacturers leave the EK of RSA-2048 */
#define TPM2_EK_CERT_INDEX 0x01c00002u /* of that EK, in DER */

/* The template of the key that belongs at a persistent handle; NULL: none is known. */
const struct tpm2_template *tpm2_template_of(uint32_t persistent);

/* The TPM2B_PUBLIC of a template. */
void tpm2_write_template(struct out *o, const struct tpm2_template *t);
void tpm2_write_create_primary(struct out *o, const struct tpm2_template *t);

/* An object of TPM_ALG_KEYEDHASH that keeps data, at most TPM2_SEALED_MAX bytes, below a parent
 * that is loaded. policy empty: an empty password opens it; else only that policy does. */
void tpm2_write_create_sealed(struct out *o, uint32_t parent, struct bytes data,
                              struct bytes policy);
/* private, public: without their sizes. */
void tpm2_write_load(struct out *o, uint32_t parent, struct bytes private_area,
                     struct bytes public_area);

/* -- answers */

/* Reads on in an answer; bad: it has ended too early, and every value is 0 or empty since then. */
struct tpm2_reader {
    const uint8_t *at, *end;
    bool bad;
};

struct tpm2_reader tpm2_reader_of(struct bytes b);
uint8_t tpm2_u8(struct tpm2_reader *r);
uint16_t tpm2_u16(struct tpm2_reader *r);
uint32_t tpm2_u32(struct tpm2_reader *r);
uint64_t tpm2_u64(struct tpm2_reader *r);
struct bytes tpm2_bytes(struct tpm2_reader *r, size_t n);
struct bytes tpm2_2b(struct tpm2_reader *r); /* what a TPM2B_... holds: 16 bits of size, and it */

/* An answer's header, and what stands behind it. */
struct tpm2_answer {
    uint32_t rc;
    uint32_t handle; /* that CreatePrimary, Load or StartAuthSession has made; else 0 */
    struct tpm2_reader parameters; /* without the handle, sizes and sessions */
};

/*
 * Reads the n bytes of the answer to a command of this code. A tag other than the command's, a size
 * that is not n, parameters that pass the end, an error that brings more than its header: false,
 * and *rule, a constant, says so.
 */
bool tpm2_read_answer(enum tpm_cc cc, const void *answer, size_t n, struct tpm2_answer *a,
                      const char **rule);

/* The size in an answer's header, 0 while fewer than TPM2_HEADER_SIZE bytes are there, and the
 * code of a command. */
uint32_t tpm2_size(const void *header, size_t n);
enum tpm_cc tpm2_command_code(const void *command);
const char *tpm2_command_name(enum tpm_cc cc); /* "CreatePrimary" */

/* Whether the TPM says: not now, ask again (RETRY, YIELDED, TESTING). */
bool tpm2_is_retry(uint32_t rc);

/* Whether rc says that a handle of the command is not there (TPM_RC_HANDLE of any of them,
 * TPM_RC_REFERENCE_H0 and those behind it). */
bool tpm2_is_no_handle(uint32_t rc);

/* An rc in words: "TPM_RC_LOCKOUT (0x921): too many wrong passwords", "TPM_RC_VALUE of parameter 2
 * (0x2c4)". */
void tpm2_write_rc(struct out *o, uint32_t rc);

/* The PCRs of one answer to PCR_Read: *read has the bits that it brought; values are written to dst
 * in rising order, digest bytes each. False: it is nonsense (a PCR that was not asked for). */
bool tpm2_read_pcrs(struct tpm2_reader *r, const struct tpm2_selection *asked, uint32_t *read,
                    uint8_t *dst, size_t cap, size_t *n);

/* Whether a TPMT_PUBLIC's key signs, and how: its scheme or, if it has none, RSASSA or ECDSA with
 * SHA-256. False: a key of a kind that can't sign here. */
struct tpm2_scheme {
    bool is_null; /* the key has none of its own */
    uint16_t scheme, hash;
};
bool tpm2_read_scheme(struct bytes public_area, struct tpm2_scheme *s);

/* A TPMT_SIGNATURE. */
struct tpm2_signature {
    uint16_t scheme, hash; /* TPM_ALG_RSASSA, _RSAPSS or TPM_ALG_ECDSA */
    struct bytes rsa;      /* the signature, or */
    struct bytes r, s;
};
bool tpm2_read_signature(struct tpm2_reader *r, struct tpm2_signature *s);

/* A TPMS_ATTEST, as far as every kind has it and of a quote. */
struct tpm2_attest {
    uint16_t type; /* TPM_ST_ATTEST_... */
    struct bytes signer;
    struct bytes extra; /* the nonce */
    uint64_t clock;
    uint32_t reset_count, restart_count;
    bool is_safe;
    uint64_t firmware;
    struct tpm2_selection pcrs; /* of TPM_ST_ATTEST_QUOTE, of one bank */
    struct bytes digest;        /* of those PCRs' values, likewise */
};
bool tpm2_read_attest(struct bytes attest, struct tpm2_attest *a, const char **rule);

#endif
