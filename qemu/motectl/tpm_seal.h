/* SPDX-License-Identifier: MIT */
/* Bytes that only a guest's TPM can open. */
#ifndef MOTECTL_TPM_SEAL_H
#define MOTECTL_TPM_SEAL_H

#include "qemu/motectl/tpm_guest.h"

/* The verb secret put, with --sealed or --blob. */
enum status secret_put_sealed(const struct call *call);

/* Reads a selection of PCRs, as the command line has it. */
enum status selection_read(const char *text, struct tpm2_selection *s);

#endif
