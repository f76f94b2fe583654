/* SPDX-License-Identifier: MIT */
/* The table of the TPM's verbs. */
#include "qemu/motectl/deadline.h"
#include "qemu/motectl/verbs.h"

#define SELECTION "SEL is sha256:0,7 or sha256:all, as tpm2-tools have it; 0,7 is of sha256.\n"
#define NO_DATA                                                                                    \
    "what is sealed is never taken from the command line, where other users can see it: give it "  \
    "on standard input or with --file"

static const struct verb verbs[] = {
    {.name = "tpm info",
     .synopsis = "",
     .summary = "show what the guest's TPM is, and what was measured",
     .details = "Measured is what configures the guest: each event has extended the PCR.\n",
     .timeout_ns = TPM_NS,
     .run = verb_tpm_info},
    {.name = "tpm ek",
     .synopsis = "[--raw]",
     .summary = "show the TPM's endorsement key",
     .details = "Also as PEM, so that the output is a file for --ek. With --raw its TPMT_PUBLIC\n"
                "alone, as bytes.\n",
     .options = OPTION_RAW,
     .timeout_ns = TPM_NS,
     .run = verb_tpm_ek},
    {.name = "tpm ek-cert",
     .synopsis = "[--raw]",
     .summary = "print the endorsement key's certificate",
     .details = "In PEM, with --raw in DER. Exit code 1: the TPM has none.\n",
     .options = OPTION_RAW,
     .timeout_ns = TPM_NS,
     .run = verb_tpm_ek_cert},
    {.name = "tpm aik",
     .synopsis = "[--raw]",
     .summary = "show the key that signs quotes",
     .details = "As tpm ek does.\n",
     .options = OPTION_RAW,
     .timeout_ns = TPM_NS,
     .run = verb_tpm_aik},
    {.name = "tpm pcrs",
     .synopsis = "[SEL]",
     .summary = "show the values of PCRs",
     .details = SELECTION "Without it all of sha256.\n",
     .max = 1,
     .timeout_ns = TPM_NS,
     .run = verb_tpm_pcrs},
    {.name = "tpm extend",
     .synopsis = "PCR [BANK=]DIGEST",
     .summary = "extend a PCR",
     .details = "DIGEST is in hexadecimal. BANK is sha256 unless given.\n",
     .min = 2,
     .max = 2,
     .timeout_ns = TPM_NS,
     .run = verb_tpm_extend},
    {.name = "tpm random",
     .synopsis = "BYTES [--raw]",
     .summary = "print random bytes of the TPM",
     .details = "In hexadecimal, with --raw as they are.\n",
     .min = 1,
     .max = 1,
     .options = OPTION_RAW,
     .timeout_ns = TPM_NS,
     .run = verb_tpm_random},
    {.name = "tpm quote",
     .synopsis = "[--pcrs SEL] [--nonce HEX|FILE] [--verify [--ca FILE] [--ek FILE]] [--out DIR]",
     .summary = "have the TPM sign its PCRs, and verify that",
     .details = SELECTION
     "Without it all of sha256. The nonce is random unless given.\n"
     "With --verify: that the signing key lives in the TPM that has the endorsement key\n"
     "(it opens a credential for both), the signature, the nonce, the values, and that the\n"
     "log of what was measured leads to them. Whose TPM that is, --ca says (certificates\n"
     "in PEM, one of which has signed the endorsement key's) or --ek (the key itself, as\n"
     "tpm ek prints it). Exit code 1: something does not verify.\n"
     "With --out DIR gets the files attest, signature, pcrs, nonce and aik.pem, for\n"
     "tpm2_checkquote -u aik.pem -m attest -s signature -f pcrs -l SEL -q nonce.\n",
     .options = OPTION_PCRS | OPTION_NONCE | OPTION_VERIFY | OPTION_CA | OPTION_EK | OPTION_OUT,
     .timeout_ns = TPM_NS,
     .run = verb_tpm_quote},
    {.name = "tpm seal",
     .synopsis = "[--pcrs SEL] [--file FILE | --name SECRET] [--out FILE]",
     .summary = "seal bytes to the TPM",
     .details = "At most 128 bytes, of FILE or standard input, or a secret that the guest has, so\n"
                "that only this TPM opens them, and with --pcrs only while these are as now.\n"
                "What comes is for tpm unseal and secret put --blob. " SELECTION,
     .extra = NO_DATA,
     .options = OPTION_PCRS | OPTION_FILE | OPTION_NAME | OPTION_OUT,
     .timeout_ns = TPM_NS,
     .run = verb_tpm_seal},
    {.name = "tpm unseal",
     .synopsis = "[--file FILE] [--out FILE]",
     .summary = "have the TPM open what it has sealed",
     .details = "Takes what tpm seal has written, gives the bytes.\n",
     .options = OPTION_FILE | OPTION_OUT,
     .timeout_ns = TPM_NS,
     .run = verb_tpm_unseal},
    {.name = "tpm activate",
     .synopsis = "[--file FILE] [--out FILE]",
     .summary = "have the TPM open a credential",
     .details = "FILE, or standard input, is what tpm2_makecredential writes, for the endorsement\n"
                "key and the name of the signing key; gives the bytes that are in it.\n",
     .options = OPTION_FILE | OPTION_OUT,
     .timeout_ns = TPM_NS,
     .run = verb_tpm_activate},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

const struct verb *verb_of_tpm(size_t i)
{
    return i < VERB_COUNT ? &verbs[i] : NULL;
}
